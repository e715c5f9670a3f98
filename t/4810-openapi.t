#!/usr/bin/env python3
"""/api/openapi.json: a description that is whole, well-formed, and true of what is answered."""
import os
import re
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *
from jsonschema import Draft202012Validator

ROUTE = re.compile(r'^ROUTE\((\w+),\s*"(/api/[^"]*)",\s*(\w+),\s*(\w+)', re.M)


def main(t):
    daemon = Certerad(t, server={"hostname": "server.example"})
    status, api = daemon.api("GET", "/api/openapi.json")
    t.equal((status, api["openapi"], api["servers"][0]["url"].split(":")[1]), (200, "3.1.0", "//server.example"), "it is OpenAPI 3.1")
    structure(t, api)
    routes(t, api)
    answers(t, daemon, api)
    t.equal(daemon.stop(), 0, "it ends cleanly")


def operations(api):
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolve(api, thing):
    """Follows references, at the top only."""
    while isinstance(thing, dict) and "$ref" in thing:
        place = api
        for key in thing["$ref"].lstrip("#/").split("/"):
            place = place[key]
        thing = place
    return thing


def structure(t, api):
    ids = [o["operationId"] for _, _, o in operations(api)]
    t.equal(len(ids), len(set(ids)), f"{len(ids)} operations, each with a name of its own")
    t.equal([p for p, _, o in operations(api) if sorted(re.findall(r"{(\w+)}", p)) !=
        sorted(q["name"] for q in o["parameters"] if q["in"] == "path")], [], "what stands in a path is a parameter")
    t.equal([p for p, m, o in operations(api) if m == "get" and "requestBody" in o], [], "nothing is sent with a GET")
    text = str(api)
    t.equal([r for r in set(re.findall(r"'\$ref': '([^']+)'", text)) if resolve(api, {"$ref": r}) is None], [], "references lead somewhere")
    known = set(api["components"]["securitySchemes"])
    t.equal({n for _, _, o in operations(api) for s in o["security"] for n in s} - known, set(), "security schemes are there")
    for path, method, operation in operations(api):
        for where in [*operation["responses"].values(), *([operation["requestBody"]] if "requestBody" in operation else [])]:
            for content in resolve(api, where).get("content", {}).values():
                Draft202012Validator.check_schema(content["schema"])
    for name, schema in api["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        bare = [n for n, p in schema["properties"].items() if not isinstance(p, dict)]
        t.equal(bare, [], f"the schema of {name}")


def routes(t, api):
    """Every row of the table, by its role."""
    with open(os.path.join(TOP, "webui", "routes.def")) as f:
        rows = [r for r in ROUTE.findall(f.read()) if not r[1].endswith(".json")]
    described = {(p, m): o for p, m, o in operations(api)}
    wanted = {(re.sub(r"[:*](\w+)", r"{\1}", path), method.lower()): role for method, path, _, role in rows}
    t.equal(sorted(wanted), sorted(described), "every route is described, and nothing else")
    roles = {k: o.get("x-role", "").upper() for k, o in described.items()}
    t.equal([k for k, role in wanted.items() if role not in ("APIKEY", "GUEST") and roles[k] != role], [], "with its role")
    t.equal([k for k, role in wanted.items() if (role == "APIKEY") != ({"apiKey": []} in described[k]["security"])], [],
        "downloads take API keys, nothing else does")


def answers(t, daemon, api):
    """Real answers fit the schemas."""
    def check(method, path, template=None, status=200, body=None, **query):
        got, answer = daemon.api(method, path, body, **query)
        operation = api["paths"]["/api/v1" + (template or path)][method.lower()]
        response = resolve(api, operation["responses"].get(str(got), operation["responses"]["default"]))
        schema = next(iter(response["content"].values()))["schema"]
        errors = [e.message for e in Draft202012Validator({**schema, "components": api["components"]}).iter_errors(answer)]
        t.ok(got == status and not errors, f"{method} {path}: {got}, as described", errors or answer)
        if body and got < 400:
            sent = operation["requestBody"]["content"]["application/json"]["schema"]
            errors = [e.message for e in Draft202012Validator(sent).iter_errors(body)]
            t.ok(not errors, f"{method} {path}: what was sent is as described", errors)
    check("POST", "/accounts", status=202, body={"name": "ca", "directory": "https://localhost:1/dir", "contact": ["a@example.org"]})
    check("POST", "/keys", status=201, body={"name": "k", "type": "p256"})
    check("POST", "/certificates", status=201, body={"name": "shop", "names": ["shop.example"], "account": "ca", "issue": False,
        "tags": "a b"})
    check("POST", "/certificates/shop", "/certificates/{name}", body={"note": "changed"})
    check("POST", "/certificates/shop/issue", "/certificates/{name}/issue", status=202)
    for path in ("/status", "/accounts", "/keys", "/certificates", "/events"):
        check("GET", path)
    check("GET", "/accounts/ca", "/accounts/{name}")
    check("GET", "/keys/k", "/keys/{name}")
    check("GET", "/certificates/shop", "/certificates/{name}")
    check("GET", "/certificates/shop/versions", "/certificates/{name}/versions")
    check("GET", "/certificates/nosuch", "/certificates/{name}", status=404)
    check("GET", "/certificates", status=400, sort="odd")
    check("POST", "/certificates", status=422, body={"name": "x"})
    check("DELETE", "/keys/k", "/keys/{name}")


run(main)
