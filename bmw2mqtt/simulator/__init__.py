"""BMW's clouds on loopback, for the demo and the tests.

Nothing here knows the rest of the project: a simulator speaks HTTPS as BMW does, over TLS with a
throw-away certificate, to whatever client is pointed at it. `simulator.mybmw` is the app API behind
`bimmer_connected`, `simulator.cardata` is CarData with its login, REST API and stream; the cars of
both are either recorded ones or drive and charge (`simulator.driving`).
"""
