"""What can go wrong with the Prefect server."""


class ServerError(Exception):
    """The Prefect server does not answer, could not be started, or must not be used as it is."""
