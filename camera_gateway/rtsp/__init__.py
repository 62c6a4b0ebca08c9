"""RTSP, SDP, RTP and the payload formats of cameras: pure parsers, and one client on top of them."""
