import numpy as np
import pandas as pd
import pytest

import lensfree_nb as lf
from lensfree_nb.errors import (
    DimensionError,
    OpeningError,
    ParameterError,
    QualityWarning,
    SetupError,
    UnitError,
)
from lensfree_nb.io.foreign_cells import read_cells

TRACKMATE = (
    "LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,FRAME,MAX_INTENSITY_CH1,TOTAL_INTENSITY_CH1,AREA\n"
    "Label,Spot ID,Track ID,Quality,X,Y,Frame,Max intensity ch1,Sum intensity ch1,Area\n"
    "Label,Spot ID,Track ID,Quality,X,Y,Frame,Max ch1,Sum ch1,Area\n"
    ",,,(quality),({unit}),({unit}),,(counts),(counts),({unit}^2)\n"
    "ID1,1,0,9.0,{x},{y},2,80.0,12000.0,{area}\n"
)


@pytest.fixture
def written(tmp_path):
    def write(text, name="cells.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("unit", "given"), [("micron", (33.4, 16.7, 557.78)), ("pixel", (20.0, 10.0, 200.0))]
)
def test_trackmate_says_its_units(written, unit, given):
    x, y, area = given
    path = written(TRACKMATE.format(unit=unit, x=x, y=y, area=area))
    found = read_cells(path, pixel_size_um=1.67, intensity_nm=1.0)
    (cell,) = found.to_dict("records")
    assert cell["frame"] == 2
    assert cell["x_um"] == pytest.approx(33.4)
    assert cell["y_um"] == pytest.approx(16.7)
    assert cell["area_um2"] == pytest.approx(557.78)
    assert cell["max_opd_nm"] == 80
    # 12000 nm px are 12000e-3 * 1.67**2 um^3, over 0.18 um^3/pg.
    assert cell["dry_mass_pg"] == pytest.approx(12 * 1.67**2 / 0.18)


def test_fiji_counts_from_a_corner_and_must_be_told_its_unit(written):
    path = written(" ,Area,Max,X,Y,Major,Slice\n1,200,90,20.5,10.5,24,1\n2,210,95,40.5,30.5,25,3\n")
    found = read_cells(path, unit="px", pixel_size_um=2.0)
    assert found["x_um"].tolist() == [40, 80]
    assert found["y_um"].tolist() == [20, 60]
    assert found["frame"].tolist() == [0, 2]
    assert found["major_axis_um"].tolist() == [48, 50]
    assert found["area_um2"].tolist() == [800, 840]
    assert "max_opd_nm" not in found
    calibrated = read_cells(path, unit="um", pixel_size_um=1.0)
    assert calibrated["x_um"].tolist() == [20, 40]
    with pytest.raises(SetupError, match="give unit="):
        read_cells(path)


def test_cellprofiler_counts_pixels(written):
    path = written(
        "ImageNumber,ObjectNumber,AreaShape_Area,AreaShape_MajorAxisLength,"
        "Intensity_IntegratedIntensity_OPD,Intensity_MaxIntensity_OPD,"
        "Location_Center_X,Location_Center_Y\n1,1,100,12,0.5,0.25,30,20\n"
    )
    found = read_cells(path, pixel_size_um=2.0, intensity_nm=400.0)
    (cell,) = found.to_dict("records")
    assert (cell["y_um"], cell["x_um"], cell["frame"]) == (40, 60, 0)
    assert (cell["area_um2"], cell["major_axis_um"], cell["max_opd_nm"]) == (400, 24, 100)
    assert cell["dry_mass_pg"] == pytest.approx(0.5 * 400e-3 * 4 / 0.18)
    with pytest.raises(SetupError, match="pixel_size_um"):
        read_cells(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_our_own_comes_back_as_it_was(tmp_path, ending):
    table = pd.DataFrame({"frame": [0], "y_um": [3.0], "x_um": [4.0], "area_um2": [600.0]})
    lf.write_cells(table, tmp_path)
    pd.testing.assert_frame_equal(read_cells(tmp_path / f"cells.{ending}"), table)


def test_rows_without_a_place_are_left_out(written):
    path = written("X,Y,Area\n1,2,3\n,,5\nn/a,3,4\n")
    with pytest.warns(QualityWarning, match="2 of 3 rows"):
        assert len(read_cells(path, unit="um", pixel_size_um=1.0)) == 1


def test_numbers_may_have_decimal_commas_where_columns_are_parted_by_others(written):
    path = written("X;Y;Area\n1,5;2,5;600,25\n4;5;6\n")
    found = read_cells(path, unit="um", pixel_size_um=1.0)
    assert found["x_um"].tolist() == [1.0, 3.5]
    assert found["area_um2"].tolist() == [600.25, 6.0]


def test_what_a_file_needs_to_be_told_and_what_it_does_not(written, tmp_path):
    with pytest.raises(SetupError, match="corner of the first pixel"):
        read_cells(written("X,Y,Area\n1,2,3\n"), unit="um")
    trackmate = written(TRACKMATE.format(unit="micron", x=1, y=2, area=3), "spots.csv")
    with pytest.raises(SetupError, match="pixel_size_um for the dry mass"):
        read_cells(trackmate, intensity_nm=1.0)
    own = written("y_um,x_um,area_um2\n1,2,3\n")
    with pytest.raises(SetupError, match="leave pixel_size_um, unit out"):
        read_cells(own, unit="px", pixel_size_um=3.0)
    profiled = written(
        "ImageNumber,Location_Center_X,Location_Center_Y,Intensity_IntegratedIntensity_OPD\n"
        "1,3,4,80\n"
    )
    with pytest.raises(OpeningError, match="no intensities of an image 'opd'"):
        read_cells(profiled, pixel_size_um=1.0, intensity_nm=1.0, image="opd")
    with pytest.raises(OpeningError, match="'OPD', but none"):
        read_cells(trackmate, pixel_size_um=1.0, intensity_nm=1.0, image="OPD")


def test_what_is_no_table_of_cells(written, tmp_path):
    with pytest.raises(OpeningError, match=r"cells.csv has columns a, b.*none of TrackMate"):
        read_cells(written("a,b\n1,2\n"))
    with pytest.raises(OpeningError, match="no moments"):
        read_cells(written("y_um,x_um,time\n1,2,late\n"))
    with pytest.raises(OpeningError, match="cannot be read"):
        read_cells(tmp_path / "absent.csv")
    with pytest.raises(OpeningError, match="cannot be read"):
        read_cells(written("no parquet", "cells.parquet"))
    with pytest.raises(UnitError, match="furlong"):
        read_cells(written("X,Y\n1,2\n"), unit="furlong", pixel_size_um=1.0)
    assert np.isfinite(
        read_cells(written("X,Y\n1,2\n"), unit="mm", pixel_size_um=1.0)["x_um"]
    ).all()


def test_of_fijis_slices_and_frames_the_one_that_varies_counts(written):
    stack = "X,Y,Ch,Slice,Frame\n1,2,1,1,1\n3,4,1,1,2\n"
    assert read_cells(written(stack), unit="um", pixel_size_um=1.0)["frame"].tolist() == [0, 1]
    both = "X,Y,Slice,Frame\n1,2,1,1\n3,4,2,2\n"
    with pytest.raises(OpeningError, match="by Slice and by Frame"):
        read_cells(written(both), unit="um", pixel_size_um=1.0)
    one = "X,Y,Slice,Frame\n1,2,1,4\n"
    assert read_cells(written(one), unit="um", pixel_size_um=1.0)["frame"].tolist() == [3]


def test_a_file_that_tells_no_frame_has_none(written):
    found = read_cells(written("X,Y,Area\n1,2,3\n"), unit="um", pixel_size_um=1.0)
    assert list(found) == ["y_um", "x_um", "area_um2"]
    series = pd.DataFrame({"frame": [0, 1], "y_um": 2.0, "x_um": 1.0})
    assert lf.validate(series.iloc[1:], found).shares == {"precision": 1, "recall": 1}
    with pytest.raises(DimensionError, match="several frames"):
        lf.validate(series, found)


def test_our_own_keeps_its_times(tmp_path):
    times = pd.to_datetime(["2026-01-01T00:00", "2026-01-01T00:10"])
    table = pd.DataFrame({"frame": [0, 1], "time": times, "y_um": [3.0, 9.0], "x_um": 4.0})
    lf.write_cells(table, tmp_path)
    back = read_cells(tmp_path / "cells.csv")
    later = table.iloc[1:].assign(frame=0)
    assert lf.validate(later, back).shares == {"precision": 1, "recall": 0.5}


def test_the_image_that_is_the_opd_must_be_named_where_there_are_several(written):
    head = "ImageNumber,Location_Center_X,Location_Center_Y,"
    names = "Intensity_MaxIntensity_Noise,Intensity_MaxIntensity_OPD-nm"
    path = written(f"{head}{names}\n1,3,4,9999,80\n")
    with pytest.raises(OpeningError, match="image="):
        read_cells(path, pixel_size_um=1.0, intensity_nm=1.0)
    found = read_cells(path, pixel_size_um=1.0, intensity_nm=1.0, image="OPD-nm")
    assert found["max_opd_nm"].tolist() == [80]


@pytest.mark.parametrize("between", ["\t", ";"])
def test_columns_may_be_parted_by_tabs_or_semicolons(written, between):
    path = written("X,Y,Area\n1,2,3\n".replace(",", between))
    assert read_cells(path, unit="um", pixel_size_um=1.0)["area_um2"].tolist() == [3]


def test_a_file_of_trackmate_without_units_asks_for_one(written):
    text = TRACKMATE.format(unit="", x=1, y=2, area=3).replace("()", "")
    with pytest.raises(SetupError, match="give unit="):
        read_cells(written(text))
    assert read_cells(written(text), unit="um")["x_um"].tolist() == [1]


def test_no_mass_without_an_increment(written):
    with pytest.raises(ParameterError, match="alpha_um3_per_pg"):
        read_cells(written("X,Y\n1,2\n"), unit="um", alpha_um3_per_pg=0)


@pytest.mark.parametrize("size", [-1.67, 0.0, "1.67"])
def test_a_pixel_size_must_be_a_length(written, size):
    with pytest.raises(ParameterError, match="pixel_size_um"):
        read_cells(written("X,Y\n1,2\n"), unit="um", pixel_size_um=size)


def test_a_place_without_end_is_none(written):
    path = written("X,Y\n1,2\ninf,2\n")
    with pytest.warns(QualityWarning, match="1 of 2 rows"):
        assert len(read_cells(path, unit="um", pixel_size_um=1.0)) == 1


def test_our_own_may_have_decimal_commas(written):
    path = written("frame;time;y_um;x_um;method\n0;2026-01-01;1,5;2;measure\n0;2026-01-01;4;3;\n")
    table = read_cells(path)
    assert table["y_um"].tolist() == [1.5, 4.0]
    assert table["method"].iloc[0] == "measure"
    assert table["time"].iloc[0] == pd.Timestamp("2026-01-01")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("between", [",", ";"])
def test_a_spreadsheets_mark_is_no_part_of_the_first_column(tmp_path, encoding, between):
    text = "ImageNumber,Location_Center_X,Location_Center_Y\n1,10,20\n2,30,40\n"
    path = tmp_path / "cells.csv"
    path.write_text(text.replace(",", between), encoding=encoding)
    found = read_cells(path, pixel_size_um=1.67)
    assert found["frame"].tolist() == [0, 1]
    assert found["x_um"].tolist() == pytest.approx([16.7, 50.1])


def test_blanks_about_a_columns_name_do_not_matter(written):
    found = read_cells(written("X, Y , Slice\n1,2,1\n3,4,2\n"), unit="um", pixel_size_um=1.0)
    assert found["y_um"].tolist() == [1.5, 3.5]
    assert found["frame"].tolist() == [0, 1]


def test_a_frame_has_a_whole_number(written):
    path = written("X,Y,Slice\n1,2,1\n3,4,1.5\n5,6,2\n")
    with pytest.warns(QualityWarning, match="1 of 3 rows have .* no whole one for a frame"):
        found = read_cells(path, unit="um", pixel_size_um=1.0)
    assert found["frame"].tolist() == [0, 1]
