"""The door: who can reach the daemon, who gets in, and whether others in the network can read along."""

import datetime as dt
import socket
from collections.abc import Iterator
from pathlib import Path

from agent.certificate import certificate
from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, ok, warn
from agent.config import Config

_LOOPBACK = ("127.", "::1", "localhost")
_SOON = dt.timedelta(days=30)


def look(case: Case) -> Iterator[Finding]:
    """Yield port, accounts and certificate."""
    config = case.config
    alone = config.host.startswith(_LOOPBACK)
    if case.answer == "none":
        yield _port(config, case.url)
    if config.auth == "open" and not alone:
        what = "no accounts: everybody in the network may do everything"
        yield warn("open-door", what, "leave `auth` at accounts, or listen on 127.0.0.1 only")
    elif config.auth == "open":
        yield ok("no accounts: everybody on this computer may do everything")
    else:
        yield ok("people need an account, programs a key")
    ours = certificate(config)
    if ours is None:
        yield ok("plain http, for this computer alone" if alone else "plain http", "" if alone else _LISTENERS)
    elif ours.chain.exists():
        yield _valid(ours.chain)
    else:
        yield ok("https; the certificate is made at the next start")


_LISTENERS = "who listens in the network can read along; `tls = self` encrypts"


def _port(config: Config, url: str) -> Finding:
    with socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((config.host, config.port))
        except OSError as error:
            advice = f"stop what uses it (`ss -ltnp 'sport = :{config.port}'`), or choose another --port"
            what = f"{url} cannot be used: {error.strerror}"
            return bad("port-taken", what, advice, public=f"the port cannot be used: {error.strerror}")
    return ok(f"no daemon runs at {url}; the port is free", public="no daemon runs; its port is free")


def _valid(chain: Path) -> Finding:
    """Return how long a certificate is valid."""
    from cryptography import x509

    try:
        read = x509.load_pem_x509_certificate(chain.read_bytes())
    except ValueError as error:
        return bad("certificate", f"the certificate cannot be read: {error}", "name another in tls_cert, or remove it")
    now, renew = dt.datetime.now(dt.UTC), "renew it; that of `tls = self` is made anew at the next start"
    first, last = read.not_valid_before_utc, read.not_valid_after_utc
    if now < first:
        return bad(
            "certificate", f"the certificate is valid from {first:%Y-%m-%d} on: is the clock right?", "see to NTP"
        )
    if now > last:
        return bad("certificate", f"the certificate was valid until {last:%Y-%m-%d}", renew)
    if now > last - _SOON:
        return warn("certificate", f"the certificate is valid until {last:%Y-%m-%d} only", renew)
    return ok(f"https, with a certificate that is valid until {last:%Y-%m-%d}")
