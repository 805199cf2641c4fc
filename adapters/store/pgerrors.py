"""The one translation of the PostgreSQL driver's errors."""

import asyncpg

from adapters.store.engine import Contended
from bot.errors import StoreBroken, StoreBusy, StoreError, StoreFull

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    OSError,
    TimeoutError,
)
"""The connection is gone or never came."""

LOST_AGAINST_ANOTHER = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,  # two wrote the same new row; the second one finds it when it looks again
)

BUSY = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError, asyncpg.TooManyConnectionsError)


def is_lost(error: BaseException | None) -> bool:
    return isinstance(error, LOST) or (isinstance(error, asyncpg.InterfaceError) and "clos" in str(error))


def store_error(error: BaseException) -> StoreError:
    """FULL and BUSY pass, `Contended` can be run again; everything that damages trust does not pass."""
    detail = f"PostgreSQL: {error or type(error).__name__}"
    if isinstance(error, LOST_AGAINST_ANOTHER) or is_lost(error):
        return Contended(detail)
    if isinstance(error, asyncpg.DiskFullError):
        return StoreFull(detail)
    if isinstance(error, BUSY):
        return StoreBusy(detail)
    return StoreBroken(detail)
