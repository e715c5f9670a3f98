"""Rows about TLS: handshakes, and downloads by API key."""
import subprocess
import time

from measure import *


def pair_of(place):
    """A P-256 key and its certificate from the site's CA, for a peer."""
    pair = Authority(place).leaf("DNS:localhost")
    return pair


def nginx_with(place, pair, server, name):
    return Nginx(place, name=name, listen_options="ssl", server=f"""
        access_log off; keepalive_requests 100000000; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {pair[0]};
        ssl_certificate_key {pair[1]}; ssl_session_cache shared:all:1m; ssl_session_tickets on; {server}""")


def bare_tls(pair):
    """mbedTLS alone: its process, its port."""
    process = subprocess.Popen([os.path.join(BUILD, "bench", "bare_tls"), pair[1], pair[0]], stdout=subprocess.PIPE)
    return process, int(process.stdout.readline())


def shake(pids, port, how):
    """CPU microseconds of these processes for one handshake."""
    before = busy(pids)
    done = subprocess.run(["openssl", "s_time", "-connect", f"127.0.0.1:{port}", how, "-time", str(max(1, round(SECONDS))), "-tls1_2"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS + 60)
    counts = re.findall(r"(\d+) connections in [\d.]+ real", done.stdout.decode())
    if not counts or int(counts[-1]) < 2:
        raise RuntimeError(f"openssl s_time says: {done.stdout.decode()[-500:]}")
    return (busy(pids) - before) * 1e6 / int(counts[-1])


def site_for_all(place, **more):
    return Site(place, server={"threads": 1}, limits={"per_second": 1000000, "per_address": 100000}, log={"level": "warn"}, **more)


def handshakes(place, table):
    """A handshake: one front thread against one nginx worker and against mbedTLS alone, each with a P-256 key."""
    daemon = site_for_all(place).daemon
    pair = pair_of(place)
    nginx = nginx_with(place, pair, "location / { return 404; }", "nginx-tls")
    bare, port = bare_tls(pair)
    ours, theirs, limit = (children_of(daemon.pid), daemon.https_port), ([nginx.pid], nginx.port), ([bare.pid], port)
    for what, how, peer, other, mark in (("full", "-new", "mbedTLS", limit, "0.98 x"), ("full", "-new", "nginx", theirs, ""), ("resumed", "-reuse", "nginx", theirs, "1.0 x")):
        rounds = [[shake(*server, how) for server in (ours, other)] for _ in range(ROUNDS)]
        table.add(f"CPU µs a {what} handshake (TLS 1.2)", median([r[0] for r in rounds]), peer, median([r[1] for r in rounds]), False, mark)
    bare.terminate()
    bare.wait()


def downloads(place, table):
    """What deploy scripts ask for, on kept connections."""
    daemon = site_for_all(place).daemon
    answer = daemon.add_cert("shop", "shop.example")
    chain = daemon.download("certificate", "shop", answer["api_keys"][0])
    with open(place.path("chain.pem"), "w") as f:
        f.write(chain.text)
    nginx = nginx_with(place, pair_of(place), f"location / {{ root {place.dir}; }}", "nginx-files")
    pids = children_of(daemon.pid)
    for what, keys, theirs, mark in (("certificate", "api_keys", None, 75), ("key", "key_api_keys", 7000, None)):
        url, header = f"https://127.0.0.1:{daemon.https_port}/api/{what}/shop", f"apiKey: {answer[keys][0]}"
        if mark:
            rounds = [(load(pids, url, header)[1], load([nginx.pid], f"https://127.0.0.1:{nginx.port}/chain.pem")[1]) for _ in range(ROUNDS)]
            ours = median([r[0] for r in rounds])
            table.add(f"CPU µs of /api/{what}, kept", ours, "nginx", median([r[1] for r in rounds]), False, f"{mark} µs")
            for role, pid in zip(("daemon", "keeper", "front"), roles_of(daemon.pid)):
                table.add(f"  of it the {role}", load([pid], url, header)[1], "all", ours, False)
        else:
            cpu = median([load(pids, url, header)[1] for _ in range(ROUNDS)])
            table.add(f"/api/{what} for a second of CPU", 1e6 / cpu, "mark", theirs, True, "1 x")
