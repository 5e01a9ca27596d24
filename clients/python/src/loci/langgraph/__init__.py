"""LangGraph on Loci: checkpoints of graphs' threads, and the long-term store.

    from loci import Client
    from loci.langgraph import LociSaver, LociStore

    client = Client("127.0.0.1:7420", tenant="acme", agent="planner")
    graph = builder.compile(checkpointer=LociSaver(client), store=LociStore(client))

Install with `pip install 'loci-client[langgraph]'`.
"""

from loci.langgraph.saver import LociSaver
from loci.langgraph.store import LociStore

__all__ = ["LociSaver", "LociStore"]
