"""BMW's clouds on loopback, for the demo and the tests.

Nothing here knows the rest of the project: a simulator speaks HTTPS as BMW does, over TLS with a
throw-away certificate, to whatever client is pointed at it. `simulator.mybmw` is the app API behind
`bimmer_connected`; its cars are either recorded answers or living cars that drive and charge.
"""
