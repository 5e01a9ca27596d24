"""The services, each as plain methods over the generated messages."""

from loci.services.admin import Admin
from loci.services.checkpoints import Checkpoints
from loci.services.contexts import Contexts
from loci.services.embeddings import Embeddings
from loci.services.experiences import Experiences
from loci.services.feedback import Feedback
from loci.services.learning import Learning
from loci.services.memories import Memories
from loci.services.sessions import Sessions
from loci.services.state import State

__all__ = [
    "Admin",
    "Checkpoints",
    "Contexts",
    "Embeddings",
    "Experiences",
    "Feedback",
    "Learning",
    "Memories",
    "Sessions",
    "State",
]
