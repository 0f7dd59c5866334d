"""A daemon with an ONNX model, from the folder to the answer."""

from pathlib import Path

from tests.web.daemon import chat, daemon


def test_a_folder_of_an_onnx_model_is_served(twin: Path, tmp_path: Path) -> None:
    flags = ("--engine", "onnx", "--model", str(twin), "--context", "512", "--parallel", "2")
    with daemon(tmp_path, *flags) as running:
        assert running.http.get("/healthz").json()["model"] == "twin"
        series = {"prompt": "1, 2, 3, 4, 5, 6, 7,", "temperature": 0, "max_tokens": 4}
        assert running.http.post("/v1/completions", json=series).json()["choices"][0]["text"].startswith(" 8")
        answer = running.http.post("/v1/chat/completions", json=chat("Hello!", max_tokens=4, temperature=0)).json()
        assert answer["choices"][0]["message"]["content"]
        chosen = running.http.get("/api/edgewise/selection").json()
        considered = [chosen["selection"], *chosen["selection"]["rejected"]]
        (twins,) = [entry for entry in considered if entry["installed"] == "twin"]
        assert (twins["engine"], twins["provider"], twins["kv_type"]) == ("onnx", "cpu", "f32")
        assert {entry["engine"] for entry in considered if entry["file"].endswith(".gguf")} <= {"llama_cpp"}
