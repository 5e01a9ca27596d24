"""The services, each as plain methods over the generated messages."""

from loci.services.admin import Admin
from loci.services.checkpoints import Checkpoints
from loci.services.contexts import Contexts
from loci.services.embeddings import Embeddings
from loci.services.memories import Memories
from loci.services.sessions import Sessions
from loci.services.state import State

__all__ = ["Admin", "Checkpoints", "Contexts", "Embeddings", "Memories", "Sessions", "State"]
