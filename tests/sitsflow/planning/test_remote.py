"""What opens products, and whether a run may reach into the network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import rasterio
import yaml

from sitsflow.errors import MissingInputError, ProductError, ReadError
from sitsflow.geo.area import read_area
from sitsflow.planning.planner import make_plan
from sitsflow.products.sensors import load_sensors
from sitsflow.steps.chunk import compute_chunk
from tests.products import by_date, copy_of
from tests.requests import calls, sentinel2, tutorial
from tests.slow import mostly_slow

VRT = """<VRTDataset rasterXSize="{width}" rasterYSize="{height}">
<SRS>{crs}</SRS><GeoTransform>{transform}</GeoTransform>
<VRTRasterBand dataType="Int16" band="1"><SimpleSource>
<SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand>
</SimpleSource></VRTRasterBand></VRTDataset>"""


def write_vrt(path: Path, like: Path, source: str) -> None:
    with rasterio.open(like) as file:
        numbers = ", ".join(map(str, file.transform.to_gdal()))
        text = VRT.format(
            width=file.width, height=file.height, crs=file.crs.to_string(), transform=numbers,
            source=source,
        )  # fmt: skip
    path.write_text(text)


@pytest.fixture
def root(products: Path, tmp_path: Path) -> Path:
    return copy_of(products, tmp_path / "root")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    """The address of a server that has nothing, and what it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            pass

    for name in ("no_proxy", "NO_PROXY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_vrt_that_is_called_tif_is_no_product(
    root: Path, tmp_path: Path, asked: tuple[str, list[str]]
) -> None:
    address, paths = asked
    path = next(by_date(root)[2].glob("*_FRE_B4.tif"))
    other = next(by_date(root)[3].glob("*_FRE_B4.tif"))
    for source in (f"/vsicurl/{address}/a.tif", str(other)):
        original = path.read_bytes()
        write_vrt(path, other, source)
        with pytest.raises(ProductError, match="1 product is broken") as caught:
            make_plan(tutorial(root, tmp_path / "out"))
        assert f"{path}: not a readable raster" in str(caught.value)
        assert "only GTiff, COG, JP2OpenJPEG may open it" in str(caught.value)
        path.write_bytes(original)
    assert not paths


def test_a_sensor_says_which_drivers_open_its_products(root: Path, tmp_path: Path) -> None:
    path = next(by_date(root)[2].glob("*_FRE_B4.tif"))
    moved = path.rename(tmp_path / "elsewhere.tif")
    write_vrt(path, moved, str(moved))
    sensor = load_sensors()["Sentinel_2"].model_dump(mode="json")
    folder = tmp_path / "sensors"
    folder.mkdir()
    (folder / "mine.yaml").write_text(yaml.safe_dump(sensor | {"drivers": ["GTiff", "VRT"]}))
    make_plan(tutorial(root, tmp_path / "out", sensor_folders=(folder,)))


OGR_VRT = """<OGRVRTDataSource><OGRVRTLayer name="area">
<SrcDataSource>{source}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"""


@pytest.mark.parametrize("source", ["/vsicurl/{}/area.geojson", "{}/area.geojson", "WFS:{}/wfs"])
def test_an_area_of_interest_that_refers_to_the_network_is_refused(
    tmp_path: Path, asked: tuple[str, list[str]], source: str
) -> None:
    address, paths = asked
    path = tmp_path / "area.geojson"
    path.write_text(OGR_VRT.format(source=source.format(address)))
    with pytest.raises(MissingInputError, match="not a vector file that can be read"):
        read_area(path, "EPSG:32631")
    assert not paths


MODULE = """\
def f(self):
    return self.get_interpolated_Sentinel2_B4()[:, :, 0] + self.exogeneous_data_array[:, :, 0], []
"""


@pytest.mark.parametrize("how", ["/vsicurl/{}/a.tif", "/vsicurl_streaming/{}/a.tif", "{}/a.tif"])
@pytest.mark.parametrize("allowed", mostly_slow([False, True], quick=1))
def test_the_network_is_out_of_reach_unless_it_is_allowed(
    root: Path, tmp_path: Path, asked: tuple[str, list[str]], how: str, allowed: bool
) -> None:
    address, paths = asked
    raster, module = tmp_path / "mine.vrt", tmp_path / "mine.py"
    module.write_text(MODULE)
    write_vrt(raster, next(root.rglob("*_FRE_B4.tif")), how.format(address))
    request = tutorial(
        root, tmp_path / "out", sensors=(sentinel2(root),), module=module, functions=calls("f"),
        exogenous=raster, allow_remote=allowed,
    )  # fmt: skip
    plan, tiles = make_plan(request)
    with pytest.raises(ReadError, match=r"mine.vrt"):
        compute_chunk(plan, tiles["T31TCJ"], 0)
    assert bool(paths) == allowed
