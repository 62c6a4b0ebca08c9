"""ICE, DTLS and SRTP of viewers: the only place that knows aioice, aiortc and pylibsrtp."""
