"""Nobody is recognised, followed or listed: no name, package, call or file that would begin it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.tree import ROOT, Module, dotted, rooms
from tests.test_lock import LOCK, entries

#: Words of identifiers (split at underscores and capitals), never substrings: *interface* and *template* are fine.
WORDS = frozenset(
    {
        *("person", "persons", "people", "pedestrian", "pedestrians", "human", "humans", "face", "faces", "facial"),
        *("gait", "biometric", "biometrics", "plate", "plates", "licenseplate", "lpr", "anpr", "alpr", "reid"),
        *("watchlist", "watchlists", "blacklist", "blocklist", "vehicle", "vehicles"),
        *("ocr", "passenger", "citizen", "idcard"),
    }
)
PHRASES = re.compile(
    r"watch_?lists?|number_?plates?|licen[cs]e_?plates?|black_?lists?|persons?_of_interest|suspects?_list|wanted_list",
    re.I,
)
CHINESE = re.compile("人脸|人像|人员名单|行人|车牌|号牌|步态|黑名单|布控|嫌疑|身份证|人体|车辆识别|以图搜")

#: Packages (or words of a package's name) for recognition, detection, tracking or reading of text.
PACKAGES = frozenset(
    {
        *("torch", "torchvision", "tensorflow", "keras", "onnx", "onnxruntime", "openvino", "mxnet", "paddlepaddle"),
        *("tflite", "ultralytics", "yolo", "yolov5", "yolov8", "dlib", "insightface", "deepface", "retinaface"),
        *("mtcnn", "facenet", "mediapipe", "face", "facial", "supervision", "norfair", "boxmot", "deepsort", "sort"),
        *("ocr", "paddleocr", "easyocr", "rapidocr", "pytesseract", "tesserocr", "tesseract", "alpr", "openalpr"),
        *("lpr", "hyperlpr", "hyperlpr3", "anpr", "plate", "gait", "reid", "torchreid", "pedestrian", "contrib"),
        *("transformers", "timm", "scikit", "sklearn", "caffe", "ncnn", "detectron2", "mmdet", "fastreid"),
    }
)
CV2 = re.compile(
    r"^cv2\.(face|dnn|ml|text|aruco|barcode|wechat_qrcode|tracking|legacy|Tracker\w*|CascadeClassifier|HOGDescriptor\w*"
    r"|Face\w+|QRCode\w*|dnn_\w+|readNet\w*|data|objdetect\w*|groupRectangles|MultiTracker\w*)\b"
)
MODELS = re.compile(
    r"\.(onnx|pb|pt|pth|tflite|caffemodel|prototxt|h5|hdf5|weights|engine|safetensors|joblib|pkl|pickle|mlmodel|ncnn"
    r"|cfg|param)$|cascade.*\.xml$",
    re.I,
)


def words(identifier: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier)
    return {word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced)}


def names(module: Module) -> Iterator[tuple[str, int]]:
    """Columns, properties, settings, parameters, functions, classes, enum members, keys and values of events."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg, node.value.lineno
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield (node.id if isinstance(node, ast.Name) else node.attr), node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[\w.-]+", node.value):
            yield node.value, node.lineno


def texts(module: Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno


def named_for_people(module: Module) -> list[str]:
    found = [
        f"{module.path}:{line}: {name}" for name, line in names(module) if words(name) & WORDS or PHRASES.search(name)
    ]
    return found + [f"{module.path}:{line}: {text[:60]}" for text, line in texts(module) if CHINESE.search(text)]


def recognising_calls(module: Module) -> list[str]:
    return [
        f"{module.path}:{node.lineno}: {dotted(node)}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and CV2.match(dotted(node))
    ]


def recognising_packages(lock: str) -> list[str]:
    return [name for name in entries(lock) if set(name.split("-")) & PACKAGES]


def test_nothing_is_named_for_persons_faces_plates_or_lists() -> None:
    assert [finding for module in rooms() for finding in named_for_people(module)] == []


def test_no_recognising_package_is_locked() -> None:
    assert recognising_packages(LOCK) == []


def test_no_recognising_call() -> None:
    assert [finding for module in rooms() for finding in recognising_calls(module)] == []


def test_no_model_file() -> None:
    folders = {module.room for module in rooms()}
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert [str(path.relative_to(ROOT)) for path in files if MODELS.search(path.name)] == []
    large = [path.name for path in files if path.stat().st_size > 1_000_000 and path.suffix not in (".pyc",)]
    assert large == [], "a file this large inside a room is a model or data that belongs elsewhere"


@pytest.mark.parametrize(
    "source",
    [
        "class T:\n    plate_number: str",
        "def find_face(x): ...",
        "EVENTS = {'face.matched': 1}",
        "Column('watch_list')",
        "class S:\n    x = '布控'",
        "class personCount: ...",
    ],
)
def test_the_words_catch_what_they_are_for(source: str) -> None:
    assert named_for_people(Module.parse("registry/a.py", source)) != []


def test_the_words_leave_the_trade_alone() -> None:
    plain = "class T:\n    interface: str\n    template: str\n    surface_code: str\n    technician = '运维人员'"
    assert named_for_people(Module.parse("registry/a.py", plain)) == []


def test_calls_and_packages_are_caught() -> None:
    assert recognising_calls(Module.parse("health/a.py", "import cv2\ncv2.dnn.readNet('x')\n")) != []
    assert recognising_calls(Module.parse("health/a.py", "import cv2\ncv2.CascadeClassifier('x')\n")) != []
    assert recognising_packages("face-recognition==1 --hash=x\nopencv-contrib-python==4 --hash=y\n") != []
