#!/usr/bin/env python3
"""/api/v1 on the control socket, as JSON: what each call answers, and how it refuses what is wrong."""
import json
import sys
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *


def main(t):
	daemon = Certerad(t, server={"hostname": "server.example"})
	api = daemon.api
	bodies(t, api)
	accounts(t, api)
	keys(t, api)
	certificates(t, api)
	events(t, api)
	last_use(t, daemon, api)
	t.equal(daemon.stop(), 0, "it ends cleanly")


def refused(t, answer, status, *words):
	"""The answer is an RFC 9457 problem that says these words."""
	said = json.dumps(answer[1], ensure_ascii=False)
	fine = answer[0] == status and answer[1].get("status") == status and all(w in said for w in words)
	t.ok(fine, f"{status}: {answer[1].get('detail', '')[:100]}", f"{answer}, wanted {status} {words}")


def bodies(t, api):
	for body, status, word in (
		("{", 400, "JSON"), ("", 422, "name"), ("[]", 400, "object"), ('{"name":"a","name":"b"}', 400, "JSON"),
		({"nmae": "a", "name": "a"}, 422, "nmae"), ({"name": 1}, 422, "a string"), ({"name": None}, 422, "a string"),
		({"name": "../x"}, 422, "../x"), ({"name": ""}, 422, "name"), ({"name": "*"}, 422, "*"),
	):
		refused(t, api("POST", "/keys", body), status, word)
	refused(t, api("GET", "/nothing"), 404)
	refused(t, api("PUT", "/keys"), 405, "GET, HEAD, POST")
	t.equal(api("GET", "/status")[1]["certificates"]["active"], 0, "nothing has come of it")


def accounts(t, api):
	add = {"name": "ca", "directory": "https://localhost:1/dir", "contact": ["a@example.org", "mailto:b@example.org"]}
	for change, word in (
		({"directory": "http://localhost/dir"}, "https"), ({"directory": "https://"}, "https"),
		({"ca": "letsencrypt"}, "either"), ({"contact": "a@example.org"}, "array"), ({"contact": ["nobody"]}, "nobody"),
		({"contact": ["a@b,c@d"]}, "e-mail"), ({"ca_file": "relative"}, "ca_file"), ({"ca_file": "/no/such"}, "/no/such"),
		({"eab_kid": "x"}, "both"), ({"eab_kid": "x", "eab_key": "not base64url!"}, "eab_key"), ({"key_type": "dsa"}, "dsa"),
		({"key_pem": "x", "key_type": "p256"}, "key_type"), ({"key_pem": "nonsense"}, ""), ({"staging": "yes"}, "true or false"),
	):
		refused(t, api("POST", "/accounts", {**add, **change}), 422, word)
	refused(t, api("POST", "/accounts", {"name": "ca"}), 422, "directory")
	refused(t, api("POST", "/accounts", {"name": "ca", "ca": "nosuch"}), 422, "nosuch")
	t.equal(api("GET", "/accounts")[1]["accounts"], [], "none was added")

	status, account = api("POST", "/accounts", add)
	t.equal((status, account["state"], account["key"]), (202, "new", "account-ca"), "an account is registered later")
	t.equal(account["contact"], ["mailto:a@example.org", "mailto:b@example.org"], "contacts are mailto: URLs")
	t.equal(api("GET", "/keys/account-ca")[1]["used_by"], ["account ca"], "it has a key of its own")
	t.equal(api("POST", "/accounts", {**add, "contact": []})[0], 202, "one that is not registered is corrected")
	t.equal(api("POST", "/accounts/ca", {"contact": add["contact"]})[1]["contact"], ["mailto:a@example.org", "mailto:b@example.org"], "member by member, too")
	refused(t, api("POST", "/accounts/ca", {"ca": "nosuch"}), 422, "nosuch")
	refused(t, api("DELETE", "/accounts/nobody"), 404, "nobody")
	refused(t, api("GET", "/accounts/nosuch"), 404, "nosuch")
	refused(t, api("DELETE", "/keys/account-ca"), 409, "account ca")
	refused(t, api("POST", "/accounts", {"name": "le", "ca": "letsencrypt-staging", "contact": ["nobody"]}), 422, "nobody")
	status, staging = api("POST", "/accounts", {"name": "test", "directory": "https://localhost:1/staging", "staging": True})
	t.equal((status, staging["staging"]), (202, True), "one for testing")


def keys(t, api):
	status, made = api("POST", "/keys", {"name": "k", "type": "p384", "description": "a note"})
	t.equal((status, made["key"]["type"], made["key"]["description"], len(set(made["api_keys"]))), (201, "p384", "a note", 2),
		"a key is made, with two API keys")
	t.lacks(json.dumps(api("GET", "/keys")), made["api_keys"][0], "which are not shown again")
	refused(t, api("POST", "/keys", {"name": "k", "type": "p256"}), 409, "k")

	own = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-aes128", "-pass", "pass:s3cret")
	refused(t, api("POST", "/keys", {"name": "own", "pem": own}), 422)
	refused(t, api("POST", "/keys", {"name": "own", "pem": own, "password": "wrong"}), 422)
	refused(t, api("POST", "/keys", {"name": "own", "password": "s3cret"}), 422, "pem")
	refused(t, api("POST", "/keys", {"name": "own", "pem": own, "type": "p256"}), 422, "type")
	status, imported = api("POST", "/keys", {"name": "own", "pem": own, "password": "s3cret"})
	t.equal((status, imported["key"]["type"]), (201, "p521"), "a key with a password is imported")
	status, exported = api("POST", "/keys/own/export", {"format": "pem"})
	t.equal(public_key_of_key(exported["key"]), openssl("pkey", "-pubout", "-passin", "pass:s3cret", input=own),
		"and handed out to a local admin")
	refused(t, api("POST", "/keys/own/export", {"format": "pfx"}), 400, "pem")

	status, rotated = api("POST", "/keys/k/apikeys/2")
	t.ok(status == 200 and rotated["api_key"] not in made["api_keys"], "an API key is replaced")
	refused(t, api("POST", "/keys/k/apikeys/3"), 422, "1 and 2")
	t.equal((api("DELETE", "/keys/own")[0], api("GET", "/keys/own")[0]), (200, 404), "a key that nothing uses is removed")


def certificates(t, api):
	add = {"name": "shop", "names": "Shop.example, www.shop.example", "account": "ca", "issue": False}
	for change, status, word in (
		({"names": []}, 422, "no name"), ({"names": "a.example b_c!"}, 422, "b_c!"), ({"names": "*.shop.example", "challenge": "http-01"}, 422, "dns-01"),
		({"names": ["a.example", 1]}, 422, "names"), ({"account": "nosuch"}, 409, "nosuch"), ({"key": "nosuch"}, 409, "nosuch"),
		({"key": "account-ca"}, 409, "account"), ({"key_type": "p521"}, 422, "p521"), ({"name": "k"}, 409, "key k"),
		({"names": "server.example", "key": "k"}, 409, "https"),
	):
		refused(t, api("POST", "/certificates", {**add, **change}), status, word)
	t.equal(api("GET", "/certificates")[1]["certificates"], [], "none was added")

	status, made = api("POST", "/certificates", add)
	shown = made["certificate"]
	t.equal((status, shown["names"], shown["status"]), (201, ["shop.example", "www.shop.example"], "pending"), "one is added")
	t.equal((len(made["api_keys"]), len(made["key_api_keys"]), shown["key"], shown["account"]), (2, 2, "shop", "ca"),
		"with API keys, and a key of its name")
	t.equal([r for r in api("GET", "/status")[1]["agenda"] if r["kind"] == "issue"], [], "it waits for a word")
	refused(t, api("POST", "/certificates", {**add, "names": "other.example"}), 409, "shop")
	refused(t, api("DELETE", "/keys/shop"), 409, "certificate shop")
	refused(t, api("GET", "/certificates/shop/export"), 409, "not been issued")
	refused(t, api("GET", "/certificates/shop/order"), 404, "never ordered")
	refused(t, api("GET", "/certificates/shop", staging="true"), 404, "staging certificate shop")
	refused(t, api("GET", "/certificates/shop", staging="maybe"), 400, "maybe")

	status, twin = api("POST", "/certificates", {**add, "account": "test", "key": "shop"})
	t.equal((status, twin["certificate"]["staging"], "key_api_keys" in twin), (201, True, False),
		"the same name under a staging account, with the same key")
	t.equal([api("GET", "/certificates/shop", **q)[1]["staging"] for q in ({}, {"staging": "true"}, {"staging": "false"})],
		[False, True, False], "staging tells the two apart")
	site = api("POST", "/certificates", {**add, "name": "site", "names": ["server.example"]})[1]
	t.ok(site["certificate"]["site"] and api("GET", "/keys/site")[1]["use"] == "site", "one with the server's name is its own")

	status, issue = api("POST", "/certificates/site/issue")
	t.equal((status, "site" in [r["name"] for r in api("GET", "/status")[1]["agenda"]]), (202, True), "issue plans the order")
	t.equal((api("DELETE", "/certificates/site")[0], api("GET", "/certificates/site")[0]), (200, 404), "it is removed")
	t.equal([r for r in api("GET", "/status")[1]["agenda"] if r["name"] == "site"], [], "with what was planned")
	rotated = api("POST", "/certificates/shop/apikeys/1")[1]["api_key"]
	t.ok(rotated not in made["api_keys"], "its API keys are replaced one by one")


def events(t, api):
	every = api("GET", "/events")[1]["events"]
	t.equal([e["number"] for e in every], list(range(len(every), 0, -1)), "events are numbered, newest first")
	t.ok(all(e["actor"] == "local admin" and e["address"] == "local" for e in every if e["actor"] != "engine"), "by whom")
	words = {"account.added", "key.added", "key.exported", "key.apikey", "key.removed", "certificate.added", "certificate.issue",
		"certificate.apikey", "certificate.removed"}
	t.equal(words - {e["action"] for e in every}, set(), "every change has one")
	t.equal([e["number"] for e in api("GET", "/events", limit=2, before=5)[1]["events"]], [4, 3], "limit and before")
	of_shop = api("GET", "/events", object="shop")[1]["events"]
	t.equal({e["name"] for e in of_shop}, {"shop"}, "of one name only")
	t.equal({e["action"].split(".")[0] for e in of_shop}, {"key", "certificate"}, "its certificate and its key")
	of_site = {e["action"] for e in api("GET", "/events", object="site")[1]["events"]}
	t.ok({"certificate.added", "certificate.removed", "key.added"} <= of_site, "also of what was removed", of_site)
	for query in ({"limit": "0"}, {"limit": "x"}, {"before": "-1"}, {"nosuch": "1"}):
		refused(t, api("GET", "/events", **query), 400, list(query)[0])


def last_use(t, daemon, api):
	made = api("POST", "/keys", {"name": "used"})[1]
	answers = [daemon.download("key", "used", made["api_keys"][1]) for _ in range(2)]
	again = daemon.download("key", "used", made["api_keys"][1], headers={"If-None-Match": answers[0].header("ETag")})
	t.equal([a.status for a in (*answers, again)], [200, 200, 304], "a key is fetched twice, and asked for once more")
	daemon.download("key", "used", "wrong")
	t.equal(daemon.stop(), 0, "the daemon ends")
	daemon.begin()
	uses = [{k: use[k] for k in ("slot", "address", "version")} for use in api("GET", "/keys/used")[1]["consumers"]]
	t.equal(uses, [{"slot": 2, "address": "127.0.0.1", "version": 1}], "who used which API key last is written down")
	t.equal(sum(use["count"] for use in api("GET", "/keys/used")[1]["consumers"]), 3, "and how often")
	fetched = [e for e in api("GET", "/events", object="used")[1]["events"] if e["action"] == "key.fetched"]
	t.ok(fetched and {e["actor"] for e in fetched} == {"API key 2"} and {e["address"] for e in fetched} == {"127.0.0.1"},
		"both downloads are in the audit log", fetched)


run(main)
