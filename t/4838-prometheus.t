#!/usr/bin/env python3
"""Prometheus: it scrapes us, its tool finds nothing odd in metrics, rules and dashboard, and names are for those with a token."""
import json
import os
import re
import sys
import threading
sys.path.insert(0, sys.path[0] + "/lib")
from certera import *

RULES = os.path.join(TOP, "contrib", "prometheus", "certera.rules.yaml")
DASHBOARD = os.path.join(TOP, "contrib", "grafana", "certera.json")


class Prometheus(Process):
    """Scrapes the daemon by https with a token, each second."""

    def __init__(self, t, daemon, token):
        self.port = free_port()
        file = t.write("prometheus.yaml", f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{RULES}]
scrape_configs:
  - job_name: certera
    scheme: https
    authorization: {{credentials: {token}}}
    tls_config: {{insecure_skip_verify: true}}
    static_configs: [{{targets: ["localhost:{daemon.https_port}"]}}]
""")
        super().__init__(t, "prometheus", [program("prometheus"), "--config.file", file, "--storage.tsdb.path", t.path("tsdb"),
            "--web.listen-address", f"127.0.0.1:{self.port}"])
        self.start()
        self.wait_until("it is ready", lambda: self._is_ready(), 60)

    def _is_ready(self):
        try:
            return fetch(f"http://127.0.0.1:{self.port}/-/ready").status == 200
        except OSError:
            return False

    def ask(self, query):
        return json.loads(fetch(f"http://127.0.0.1:{self.port}/api/v1/query", body=f"query={quote(query)}",
            headers={"Content-Type": "application/x-www-form-urlencoded"}).text)["data"]["result"]

    def alerts(self):
        return {a["labels"]["alertname"] for a in json.loads(fetch(f"http://127.0.0.1:{self.port}/api/v1/alerts").text)["data"]["alerts"]}


def quote(text):
    from urllib.parse import quote as q
    return q(text, safe="")


def families(text):
    return set(re.findall(r"^# TYPE (\S+)", text, re.M))


def names_in(text):
    """Metrics that a query has."""
    return {re.sub(r"_(bucket|sum|count)$", "", n) if "duration" in n else n for n in re.findall(r"\bcertera_[a-z_]+", text)}


def main(t):
    tool = program("promtool")
    site = Site(t)
    daemon = site.daemon
    daemon.add_cert("shop", "shop.example")
    daemon.add_cert("blog", "blog.example", wait=False, no_issue=True)
    daemon.ctl("site", "add", f"localhost:{daemon.https_port}")
    daemon.ctl("backup", t.path("copy"))
    token = daemon.ctl("token", "add", "prometheus", "--role", "viewer", "--action", "read")["token"]
    narrow = daemon.ctl("token", "add", "narrow", "--role", "viewer", "--domains", "blog.example")["token"]

    plain, full = daemon.https("/metrics").text, daemon.https("/metrics", headers={"Authorization": f"Bearer {token}"}).text
    t.ok("shop" not in plain and "certera_certificates{" in plain, "without a token there are numbers, and no names", plain)
    leaf = daemon.leaf("shop")
    t.contains(full, f'certera_certificate_expiry_timestamp_seconds{{name="shop",staging="false"}} {int(leaf.not_after)}', "with one, the end of each certificate")
    t.contains(full, 'certera_certificate_status{name="shop",staging="false",status="active"} 1', "and its status")
    t.contains(full, 'certera_certificate_status{name="blog",staging="false",status="pending"} 1', "also of one that was never issued")
    t.matches(full, r'certera_certificate_renewal_timestamp_seconds\{name="shop",staging="false"\} \d+', "and its renewal")
    t.contains(full, "certera_certificates_unnamed 0", "none is left out")
    some = daemon.https("/metrics", headers={"Authorization": f"Bearer {narrow}"}).text
    t.ok('name="blog"' in some and 'name="shop"' not in some, "a token with domains sees its own", some)
    ca = f"localhost:{site.pebble.port}"
    count = int(re.search(rf'certera_ca_request_duration_seconds_count\{{ca="{ca}"\}} (\d+)', plain)[1])
    buckets = [int(n) for n in re.findall(rf'certera_ca_request_duration_seconds_bucket\{{ca="{ca}",le="[^"]+"\}} (\d+)', plain)]
    t.ok(count > 5 and buckets == sorted(buckets) and buckets[-1] == count, "how long the CA takes is a histogram", buckets)

    for what, text in (("without a token", plain), ("with one", full)):
        lint = run_command(tool, "check", "metrics", input=text.encode())
        t.equal((lint.returncode, lint.stderr.decode()), (0, ""), f"promtool check metrics: nothing odd, {what}")
    rules = run_command(tool, "check", "rules", RULES)
    t.equal(rules.returncode, 0, "promtool check rules")

    known = families(full)
    with open(RULES) as f:
        t.equal(names_in(f.read()) - known, set(), "rules are about metrics that there are")
    with open(DASHBOARD) as f:
        board = json.load(f)
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    t.equal(names_in(" ".join(queries)) - known, set(), "so is the dashboard")
    with open(os.path.join(TOP, "man", "certerad.8")) as f:
        manual = f.read()
    t.equal({f for f in known if f not in manual}, set(), "certerad(8) has every family")

    prometheus = Prometheus(t, daemon, token)
    found = prometheus.wait_until("it has scraped", lambda: prometheus.ask('certera_certificate_status{name="shop"}'), 30)
    t.equal((found[0]["metric"]["status"], found[0]["metric"]["job"]), ("active", "certera"), "Prometheus scrapes it")
    for query in queries:
        asked = query.replace("$__rate_interval", "1m").replace("$instance", ".*")
        t.ok(isinstance(prometheus.ask(asked), list), f"Prometheus understands: {query}")
    site.pebble.stop()
    daemon.stop()
    prometheus.wait_until("it notices that we are gone", lambda: "CerteraDown" in prometheus.alerts(), 30)
    t.ok(True, "an alert is raised when the server is gone")


run(main)
