# The Lambda handler of the FastAPI application.
from mangum import Mangum

from app import app

handler = Mangum(app, lifespan="off")
