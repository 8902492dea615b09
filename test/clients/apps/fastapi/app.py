# The application in FastAPI: it answers what test/clients/frameworks asks, like the others in this folder's neighbours.
import asyncio
import base64
import hashlib
from email.utils import parsedate_to_datetime

from fastapi import Body, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

import content

app = FastAPI(openapi_url=None)
VERBS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def shown_body(body: bytes) -> dict:
    if len(body) <= 2048:
        return {"length": len(body), "base64": base64.b64encode(body).decode()}
    return {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}


async def echo(request: Request):
    return {
        "method": request.method,
        "path": request.url.path,
        "url": request.scope["query_string"].decode("latin-1"),
        "query": request.query_params.multi_items(),
        "headers": request.headers.items(),
        "body": shown_body(await request.body()),
    }


app.api_route("/", methods=VERBS)(echo)
app.api_route("/echo", methods=VERBS)(echo)
app.api_route("/echo/{rest:path}", methods=VERBS)(echo)


@app.api_route("/mirror", methods=VERBS)
async def mirror(request: Request):
    media_type = request.headers.get("content-type")
    return Response(await request.body(), headers={"content-type": media_type} if media_type else None)


@app.post("/json")
async def parsed_json(parsed=Body(default=None)):
    return {"parsed": parsed}


@app.post("/form")
async def form(request: Request):
    return {"fields": (await request.form()).multi_items()}


@app.post("/text")
async def text(request: Request):
    return Response(b"<" + await request.body() + b">", media_type="text/plain")


@app.post("/upload")
async def upload(request: Request):
    parts = []
    async with request.form() as received:
        for name, value in received.multi_items():
            if isinstance(value, str):
                parts.append({"name": name, "value": value})
                continue
            whole = await value.read()
            parts.append(
                {
                    "name": name,
                    "filename": value.filename,
                    "type": value.content_type,
                    "size": len(whole),
                    "sha256": hashlib.sha256(whole).hexdigest(),
                }
            )
    return {"parts": parts}


@app.get("/items/{item_id}")
async def item(item_id: str):
    return {"params": {"id": item_id}}


@app.get("/items/{item_id}/parts/{part}")
async def item_part(item_id: str, part: str):
    return {"params": {"id": item_id, "part": part}}


@app.get("/files/{rest:path}")
async def files(rest: str):
    return {"rest": rest}


@app.api_route("/status/{code}", methods=VERBS)
async def status(code: int):
    if code in (204, 205, 304):
        return Response(status_code=code)
    return JSONResponse({"status": code}, status_code=code)


@app.get("/redirect/{code}")
async def redirect(code: int, to: str):
    return RedirectResponse(to, status_code=code)


@app.get("/set-cookies")
async def set_cookies():
    response = JSONResponse({"cookies": len(content.cookies)})
    for cookie in content.cookies:
        response.headers.append("set-cookie", cookie)
    return response


@app.get("/set-cookie")
async def set_cookie():
    return JSONResponse({"cookies": 1}, headers={"set-cookie": content.cookies[0]})


@app.get("/headers/{name}")
async def headers(name: str):
    response = JSONResponse({"set": name})
    for header, values in content.header_sets[name].items():
        for value in [values] if isinstance(values, str) else values:
            response.headers.append(header, value)
    return response


@app.get("/content/{kind}")
async def content_of(kind: str):
    media_type, body, *encoding = content.contents[kind]
    headers = {"content-type": media_type}
    if encoding:
        headers["content-encoding"] = encoding[0]
    return Response(body, headers=headers)


@app.get("/untyped")
async def untyped():
    return Response(b"no media type")


@app.get("/nothing")
async def nothing():
    return Response()


@app.get("/bytes/{length}")
async def some_bytes(length: int):
    return Response(content.all_bytes(length), media_type="application/octet-stream")


@app.get("/stream/{count}")
async def stream(count: int):
    async def lines():
        for index in range(count):
            yield f"line {index} ü\n"
            await asyncio.sleep(0)

    return StreamingResponse(lines(), media_type="text/plain")


@app.get("/conditional")
async def conditional(request: Request):
    headers = {"etag": content.entity_tag, "last-modified": content.last_modified}
    since = request.headers.get("if-modified-since")
    known = since is not None and parsedate_to_datetime(since) >= parsedate_to_datetime(content.last_modified)
    if request.headers.get("if-none-match") == content.entity_tag or known:
        return Response(status_code=304, headers=headers)
    return JSONResponse({"fresh": False}, headers=headers)


@app.get("/throw")
def throw():
    raise RuntimeError("thrown")


@app.get("/reject")
async def reject():
    await asyncio.sleep(0)
    raise RuntimeError("rejected")


@app.get("/throw-status")
async def throw_status():
    raise HTTPException(status_code=418, detail="a teapot")
