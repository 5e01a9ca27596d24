"""Quality of retrieval, through the wire."""
