from tasks import namespace

__all__ = ["namespace"]
