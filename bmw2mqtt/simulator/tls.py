"""A temporary certificate authority for servers on loopback."""

from __future__ import annotations

import shutil
import ssl
import tempfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import trustme

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """A certificate authority in `ca_file` and one server certificate signed by it."""

    ca_file: Path
    _server_certificate: trustme.LeafCert = field(repr=False)
    _contexts: dict[ssl.TLSVersion, ssl.SSLContext] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    @classmethod
    def create(cls, directory: Path, names: tuple[str, ...] = LOOPBACK_NAMES) -> Self:
        """Create an authority in `directory`, and a certificate for servers called `names`."""
        authority = trustme.CA(organization_name="bmw2mqtt simulator")
        directory.mkdir(parents=True, exist_ok=True)
        ca_file = directory / "simulator-ca.pem"
        authority.cert_pem.write_to_path(ca_file)
        return cls(ca_file=ca_file, _server_certificate=authority.issue_cert(*names))

    @classmethod
    def throw_away(cls, owner: object) -> Self:
        """Create an authority in a directory that is removed together with `owner`."""
        directory = Path(tempfile.mkdtemp(prefix="bmw2mqtt-simulator-"))
        weakref.finalize(owner, shutil.rmtree, directory, ignore_errors=True)
        return cls.create(directory)

    def server_context(
        self, minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    ) -> ssl.SSLContext:
        """Return the TLS settings of servers that present this certificate; they share them."""
        context = self._contexts.get(minimum_version)
        if context is None:
            context = self._contexts[minimum_version] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = minimum_version
            self._server_certificate.configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return the TLS settings of a client that trusts these servers and no others."""
        return ssl.create_default_context(cafile=self.ca_file)
