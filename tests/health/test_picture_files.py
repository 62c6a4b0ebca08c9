"""The folder of small pictures, on a real disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from config.ids import new_id
from health.picture_files import PictureFiles


def test_two_checks_that_end_together_keep_one_whole_picture(tmp_path: Path) -> None:
    files, camera = PictureFiles(tmp_path), new_id()
    pictures = [bytes([n]) * 50_000 for n in range(16)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda picture: files.put_last(camera, picture), pictures))
    assert files.last(camera) in pictures
    assert [path.name for path in (tmp_path / "last").iterdir()] == [f"{camera}.jpg"]
