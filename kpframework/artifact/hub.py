"""Artifacts and the Hugging Face hub; tokens, proxies and mirrors are huggingface_hub's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kpframework.errors import KpError

PATTERNS = ("*.json", "*.safetensors", "*.npy", "*.parquet", "*.md")
"""What is fetched: data, and never code."""
_STALE = ["kb/*", "entities/*", "kp_*"]


def download(repository: str, revision: str | None, token: str | bool | None = None) -> Path:
    """Return the folder of a repository's artifact in huggingface_hub's cache.

    Raises:
        KpError: KP774, it is not to be had.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            repository, revision=revision, allow_patterns=list(PATTERNS), token=token
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise KpError(
            "KP774",
            f"{repository!r} is neither a folder here nor to be had from the hub: {error}",
            "check the path, the repository's name and revision, the connection, and for a "
            "private one the token (hf auth login)",
        ) from error
    return Path(folder)


def push(
    save: Callable[[Path], None],
    repository: str,
    *,
    private: bool | None,
    revision: str | None,
    message: str,
    token: str | bool | None,
    create_pr: bool,
) -> Any:
    """Upload what ``save`` writes into a folder; return huggingface_hub's ``CommitInfo``.

    The repository and the branch are made if they are missing. Files of an earlier plugin that this
    one does not have are deleted by the same commit.

    Raises:
        KpError: KP782, the hub refuses, or is not to be reached.
    """
    from httpx import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    api = HfApi(token=token)
    try:
        repository = api.create_repo(repository, private=private, exist_ok=True).repo_id
        if revision is not None:
            api.create_branch(repository, branch=revision, exist_ok=True)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "plugin"
            save(folder)
            return api.upload_folder(
                repo_id=repository,
                folder_path=folder,
                commit_message=message,
                revision=revision,
                create_pr=create_pr,
                delete_patterns=_STALE,
            )
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, HTTPError, OSError) as error:
        raise KpError(
            "KP782",
            f"{repository!r} was not written: {error}",
            "check the repository's name, the connection (and HF_HUB_OFFLINE), and that your "
            "token may write (hf auth login)",
        ) from error
