"""The web application: a JSON API and one page."""

from __future__ import annotations

import logging
from collections.abc import Collection
from importlib.resources import files
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from starlette.exceptions import HTTPException

from kp_plugin_serve.guard import Guard
from kp_plugin_serve.service import Busy, Question, Service
from kpframework import HOST, KpError

CHARACTERS = 2000
"""Of one text at most."""
TEXTS = 16
"""In one request at most."""
_PAGE = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "view.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_log = logging.getLogger(__name__)


def _well_formed(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("the text holds half a character") from None
    return text


Text = Annotated[str, Field(min_length=1, max_length=CHARACTERS), AfterValidator(_well_formed)]
Span = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]


class Ask(BaseModel):
    """What POST /api/answer is given."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Text | None = None
    texts: Annotated[list[Text], Field(min_length=1, max_length=TEXTS)] | None = None
    knowledge: str | list[str] | None = None
    spans: list[Annotated[Span, Field(strict=False)]] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Ask:
        if (self.text is None) == (self.texts is None):
            raise ValueError("give one of 'text' and 'texts'")
        if self.spans is not None and self.text is None:
            raise ValueError("'spans' go with 'text'")
        if isinstance(self.knowledge, list) and len(self.knowledge) != len(self.all_texts()):
            raise ValueError("'knowledge' is one id, or one for each text")
        return self

    def all_texts(self) -> list[str]:
        """Return the texts, whichever way they were given."""
        return list(self.texts or ()) if self.text is None else [self.text]

    def questions(self, default: str) -> list[Question]:
        """Return one question a text; without 'knowledge' each is asked with ``default``."""
        texts, knowledge = self.all_texts(), self.knowledge or default
        chosen = knowledge if isinstance(knowledge, list) else [knowledge] * len(texts)
        spans = None if self.spans is None else tuple(self.spans)
        return [Question(text, own, spans) for text, own in zip(texts, chosen, strict=True)]


def make_app(service: Service, hosts: Collection[str] | None = None) -> Guard:
    """Return the ASGI application.

    Args:
        service: what answers.
        hosts: names that a request may call this server by, so that no page elsewhere reaches it
            through a name of its own; None allows any.
    """
    app = FastAPI(title="kpframework serve", docs_url=None, redoc_url=None, openapi_url=None)
    page = {name: files("kp_plugin_serve").joinpath("page", name).read_bytes() for name in _PAGE}
    first = next(iter(service.plugins))

    @app.get("/api/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/api/knowledge")
    def knowledge() -> dict[str, Any]:
        limits = {"characters": CHARACTERS, "texts": TEXTS}
        return {**service.catalogue(), "host": HOST, "limits": limits}

    @app.post("/api/answer")
    def answer(ask: Ask) -> dict[str, Any]:
        return service.answer(ask.questions(first))

    @app.get("/api/entity/{name:path}")
    def entity(
        name: str, knowledge: Annotated[str | None, Query(max_length=200)] = None
    ) -> dict[str, Any]:
        try:
            return service.entity(name, knowledge)
        except KeyError:
            raise HTTPException(404, "no such entity in this knowledge base") from None

    @app.get("/")
    def index() -> Response:
        return Response(page["index.html"], media_type=_PAGE["index.html"])

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in page:
            raise HTTPException(404, "no such file")
        return Response(page[name], media_type=_PAGE[name])

    _tell_errors(app)
    return Guard(app, hosts)


def _tell_errors(app: FastAPI) -> None:
    @app.exception_handler(KpError)
    async def known(_: Request, error: KpError) -> JSONResponse:
        problem = error.problems[0]
        return _error(400, problem.code, problem.message, problem.fix)

    @app.exception_handler(Busy)
    async def busy(_: Request, error: Busy) -> JSONResponse:
        return _error(503, "busy", "too many requests wait for the model", "try again in a moment")

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        told = []
        for problem in error.errors()[:5]:
            place = ".".join(str(part) for part in problem["loc"][1:])
            told.append(f"{place}: {problem['msg']}" if place else problem["msg"])
        return _error(422, "invalid", "; ".join(told)[:1000], "see docs/how-to/serve.md")

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return _error(error.status_code, "http", str(error.detail), "")

    @app.exception_handler(Exception)
    async def unknown(_: Request, error: Exception) -> JSONResponse:
        _log.error("internal error", exc_info=error)
        return _error(500, "internal", f"internal error: {type(error).__name__}", "")


def _error(status: int, code: str, message: str, fix: str) -> JSONResponse:
    body = {"error": {"code": code, "message": message, "fix": fix}}
    return JSONResponse(body, status)
