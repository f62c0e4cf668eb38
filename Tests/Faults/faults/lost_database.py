"""A database that is lost, empty, damaged or of a later program costs no file of a model."""

import os
import shutil
import sqlite3

from support import Server, Wrong, need


def blobs(server: Server) -> set:
    return {path.name for path in (server.state / "blobs").rglob("*") if path.is_file()}


def check() -> str:
    with Server() as server:
        files = blobs(server)
        server.stop()
        state = server.state
    need(len(files) >= 6, f"{len(files)} files")
    database, kept = state / "dither.sqlite", state.parent / "kept.sqlite"
    # What is still in the journal beside it goes into the file itself.
    whole = sqlite3.connect(database)
    whole.execute("pragma wal_checkpoint(truncate)")
    whole.close()
    shutil.copy(database, kept)

    def start(name: str) -> str:
        for end in ("-wal", "-shm"):
            database.with_name(database.name + end).unlink(missing_ok=True)
        try:
            with Server(state=state, models=False) as again:
                need(files <= blobs(again), f"{name}: files of models are gone")
                count = again.ask("/v1/Registry/ListModels", {})[1].count(b'"digest"')
                again.stop()
            return f"{name}: served with {count} models"
        except Wrong as error:
            if "gone" in str(error):
                raise
            need(files <= {path.name for path in (state / "blobs").rglob("*")}, f"{name}: files of models are gone")
            return f"{name}: refused"

    figures = []
    database.unlink()
    figures.append(start("lost"))
    database.write_bytes(b"")
    figures.append(start("empty"))
    damaged = bytearray(kept.read_bytes())
    damaged[4096 : 4096 + 8192] = os.urandom(8192)
    database.write_bytes(damaged)
    figures.append(start("damaged"))
    need("refused" in figures[-1], figures[-1])
    database.write_bytes(kept.read_bytes()[: kept.stat().st_size // 2])
    figures.append(start("cut"))
    need("refused" in figures[-1], figures[-1])
    shutil.copy(kept, database)
    later = sqlite3.connect(database)
    version = later.execute("select max(identifier) from grdb_migrations").fetchone()[0]
    later.execute("insert into grdb_migrations(identifier) values (?)", (f"{version}-of-a-later-program",))
    later.commit()
    # The last connection that closes moves what it wrote into the file itself.
    later.close()
    figures.append(start("later"))
    need("refused" in figures[-1], figures[-1])
    shutil.copy(kept, database)
    figures.append(start("put back"))
    need(f"with {len(files)} models" in figures[-1], figures[-1])
    return ", ".join(figures)
