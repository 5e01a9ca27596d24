"""The services, each as plain methods over the generated messages."""

from loci.services.admin import Admin
from loci.services.contexts import Contexts
from loci.services.embeddings import Embeddings
from loci.services.memories import Memories

__all__ = ["Admin", "Contexts", "Embeddings", "Memories"]
