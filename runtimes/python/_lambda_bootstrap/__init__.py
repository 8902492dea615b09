# The built-in Python runtime client: everything behind bootstrap.py.
