"""Streaming by RTSP: the server, the clients, the RTP packets that they receive, and the video."""
