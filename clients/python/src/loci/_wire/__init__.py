"""The native protocol: ttrpc frames and envelopes, a connection, calls. Knows no service."""
