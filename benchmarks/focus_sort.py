"""Which images are in focus: networks and classical criteria, side by side.

Simulated images of the 18 conditions of Xue 2021 (three cell types, three substrates, two
objectives), in five folds split by field: the sorter of the paper, the network that comes with the
package (which learned from fields of other seeds, and from no fold) as it is, and gone on with as a
user would; ResNet50V2. Those out of focus begin at 0.75 depths of field, where one may doubt; the
paper's own distances are measured beside them. Then images shrunk or cropped to 134 px, and what
transfer saves. Real images: a stack through the focus, and five frames in focus with defocused
copies of them.

One core of a processor takes hours for all; `--part` measures some, and goes on in the same record;
`--keep FOLDER` keeps the images for the next part. `--quick` shrinks everything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import xarray as xr
from _focus_plots import plot_sorting
from _harness import Row, data_folder, row
from _parts import measure, part_arguments
from _real_images import SHARPEST, frames, out_of_focus, stack
from _sorters import (
    EPOCHS,
    FEATURES,
    FEW_FEATURES,
    FEW_STEPS,
    FOLD_COUNT,
    RESNET,
    SDCNN,
    TUNED_STEPS,
    Pool,
    Trained,
    focus_of,
    pool,
    pooled_rows,
    share_of,
    train,
    tuned,
    verdict_on,
)  # fmt: skip

from lensfree_nb.nets.registry import find_model
from lensfree_nb.refocus.criteria import CRITERIA
from lensfree_nb.refocus.sharpness import sharpness
from lensfree_nb.simulate.focus_stack import CONDITIONS
from lensfree_nb.train.sorting import area_under_curve

COMMAND = "python benchmarks/focus_sort.py --part"
SOURCE = f"simulated, 18 conditions; {COMMAND}"
REAL = f"real; {COMMAND} real"
COPIES = f"real, defocused by a model; {COMMAND} real"
OURS = "focus"
FIELDS_EACH, FEW_FIELDS, FEW_EPOCHS = 20, 5, 1
FIELD_PX, SMALL_PX = 536, 96
# Both learn for a few passes, side by side: their time is what is compared.
RESNET_EPOCHS = 3
SHARES = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16)
DEFOCUS_UM = (-20.0, -10.0, 10.0, 20.0)
# What a sorter learned before, and what it is to learn, in turn: magnification, cells, ground.
TRANSFERS = {
    "10x to 20x": ("objective", "10x/0.30", "20x/0.45"),
    "endothelial to fibroblast": ("cell_type", "endothelial", "fibroblast"),
    "glass to pdms": ("substrate", "glass", "pdms"),
}


def folds(held: Pool, args, where: str = "", part: str = "folds") -> list[Row]:
    """The paper's sorter, trained on four folds and tested on the fifth, five times."""
    said = np.full(len(held.sharp), np.nan)
    seconds = []
    for number in range(FOLD_COUNT):
        apart = held.fold == number
        trained = train(SDCNN, held.some(~apart), args.out / f"{part}{number}", args.device,
                        **args.size)  # fmt: skip
        said[apart] = focus_of(trained.spec, scaled(held.some(apart)), args.device)
        seconds.append(trained.seconds)
    name, source = f"{SDCNN}, five folds{where}", f"{SOURCE} {part}"
    return [
        *pooled_rows(name, said, held, source, barred=not args.quick),
        row(f"{SDCNN}{where}: training, a fold", np.mean(seconds) / 60, "min", None, source),
        row(f"{SDCNN}{where}: passes a fold", float(args.epochs), "1", None, source),
    ]


def ours(held: Pool, args, where: str = "", part: str = "ours") -> list[Row]:
    """The network of the package, on every fold."""
    said = focus_of(find_model(OURS), scaled(held), args.device)
    name = f"{OURS}, five folds{where}"
    return pooled_rows(name, said, held, f"{SOURCE} {part}", barred=not args.quick)


def published(held: Pool, args) -> list[Row]:
    """Both where the paper had its planes: nothing lies so near the focus that one may doubt."""
    where = ", distances of Xue 2021"
    return [*folds(held, args, where, "published"), *ours(held, args, where, "published")]


def gone_on(held: Pool, args) -> list[Row]:
    """The network of the package, gone on with as a user would on four folds, on the fifth."""
    said, source = np.full(len(held.sharp), np.nan), f"{SOURCE} tuned"
    steps = FEW_STEPS if args.quick else TUNED_STEPS
    for number in range(FOLD_COUNT):
        apart = held.fold == number
        path = args.out / f"tuned{number}.safetensors"
        spec = tuned(find_model(OURS), held.some(~apart), path, args.device, steps)
        said[apart] = focus_of(spec, scaled(held.some(apart)), args.device)
    name = f"{OURS}, trained further on four folds"
    return [
        *pooled_rows(name, said, held, source, barred=not args.quick),
        row(f"{name}: steps at most", float(steps), "1", None, source),
    ]


def resnet(held: Pool, args) -> list[Row]:
    """One fold by ResNet50V2 and the paper's sorter, the same passes, side by side."""
    apart = held.fold == 0
    learn, test = held.some(~apart), held.some(apart)
    size = {**args.size, "epochs": min(args.epochs, RESNET_EPOCHS)}
    rows, seconds = [], {}
    for name in (SDCNN, RESNET):
        trained = train(name, learn, args.out / "beside", args.device, **size)
        seconds[name] = trained.seconds
        label = f"{name}, fold 0, {size['epochs']} passes"
        rows += [
            *scores(label, trained, test, args.device, "resnet"),
            row(f"{label}: training", trained.seconds / 60, "min", None, f"{SOURCE} resnet"),
        ]
    share = seconds[SDCNN] / seconds[RESNET]
    bar = None if args.quick else "<= 0.5"
    return [
        *rows,
        row(f"training time, {SDCNN} over {RESNET}", share, "1", bar, f"{SOURCE} resnet"),
    ]


def fits(held: Pool, args) -> list[Row]:
    """Images shrunk to 134 px, or their middle alone (the paper's figure 3)."""
    apart = held.fold == 0
    rows = []
    for fit in ("resize", "crop"):
        trained = train(SDCNN, held.some(~apart), args.out / fit, args.device, fit=fit, **args.size)
        rows += scores(f"{SDCNN}, fold 0, {fit}", trained, held.some(apart), args.device, "fits")
    return rows


def transfer(held: Pool, args) -> list[Row]:
    """What a sorter of other images saves (the paper's figure 4): fewer and fewer to learn from."""
    apart = held.fold == 0
    rows = []
    for name, (what, before, after) in TRANSFERS.items():
        told = np.array([getattr(CONDITIONS[n], what) for n in held.condition])
        first = train(SDCNN, held.some(told == before), args.out / "before", args.device,
                      **args.size)  # fmt: skip
        test = held.some((told == after) & apart)
        rows += scores(f"{name}: before, as it is", first, test, args.device, "transfer")
        learn = held.some((told == after) & ~apart)
        for share in SHARES[::4] if args.quick else SHARES:
            some = share_of(learn, share)
            for label, start in (("from nothing", None), ("transferred", first)):
                trained = train(SDCNN, some, args.out / "after", args.device, start=start,
                                **args.size)  # fmt: skip
                where = f"{name}: {label}, {len(some.sharp)} images"
                rows += scores(where, trained, test, args.device, "transfer")
    return rows


def real(args) -> list[Row]:
    """A stack through the focus, frames in focus, and defocused copies of these."""
    planes = stack(data_folder())
    told = [verdict_on(find_model(OURS), plane[None], args.device) for plane in planes]
    rows = []
    for number, one in enumerate(told):
        blurred, sharp = number <= 2, 5 <= number <= 7
        bar = "<= 0.5" if blurred else ">= 0.5" if sharp else None
        rows += [
            row(f"stack, {OURS}: focus of plane {number}", one.focus, "1", bar, REAL),
            row(f"stack, {OURS}: defocus of plane {number}", one.defocus, "1", None, REAL),
        ]
    away = [one.defocus for one in told]
    best = int(np.argmin(away))
    rows += [
        row(f"stack, {OURS}: sharpest plane, from {SHARPEST}", float(abs(best - SHARPEST)), "1",
            "<= 1", REAL),
        row(f"stack, {OURS}: steps against the way", float(against(-np.array(away), best)), "1",
            "<= 0", REAL),
    ]  # fmt: skip
    ds = xr.Dataset({"image": (("position", "y", "x"), np.stack(planes))})
    for name in CRITERIA:
        found = sharpness(ds, name).values
        top = int(np.argmax(found))
        rows += [
            row(f"stack, {name}: sharpest plane, from {SHARPEST}", float(abs(top - SHARPEST)), "1",
                None, REAL),
            row(f"stack, {name}: steps against the way", float(against(found, top)), "1", None,
                REAL),
        ]  # fmt: skip
    return [*rows, *frames_rows(args)]


def frames_rows(args) -> list[Row]:
    """Of each frame in focus: what it is called, and what its copies are."""
    rows = []
    for number, image in enumerate(frames(data_folder(), "test")):
        focus = verdict_on(find_model(OURS), image[None], args.device).focus
        rows.append(row(f"frame {number}, {OURS}: focus", focus, "1", ">= 0.5", REAL))
        for z in DEFOCUS_UM:
            copy = out_of_focus(image, z)[None]
            focus = verdict_on(find_model(OURS), copy, args.device).focus
            rows.append(
                row(f"frame {number}, {OURS}: focus at {z:+g} um", focus, "1", "<= 0.5", COPIES)
            )
    return rows


def against(score: np.ndarray, top: int) -> int:
    """How often a score rises away from its top, which should fall both ways."""
    steps = np.diff(score)
    return int((steps[:top] < 0).sum() + (steps[top:] > 0).sum())


def scores(name: str, trained: Trained, test: Pool, device: str, part: str) -> list[Row]:
    """Accuracy and AUC on some images."""
    said = focus_of(trained.spec, scaled(test), device)
    right = (said > 0.5) == test.sharp
    area = area_under_curve(said, test.sharp)
    return [
        row(f"{name}: accuracy", float(right.mean()), "1", None, f"{SOURCE} {part}"),
        row(f"{name}: AUC", area, "1", None, f"{SOURCE} {part}"),
    ]


def scaled(held: Pool) -> list[np.ndarray]:
    """As networks are shown them."""
    return list(held.images.astype(np.float32))


PARTS: dict[str, Callable[..., list[Row]]] = {
    "ours": ours, "real": real, "folds": folds, "tuned": gone_on, "resnet": resnet, "fits": fits,
    "transfer": transfer, "published": published,
}  # fmt: skip


def main() -> None:
    """Measure, print, record."""
    keep = {"type": Path, "help": "folder of images for the next time"}
    args = part_arguments(__doc__.splitlines()[0], PARTS, keep=keep)
    args.epochs = FEW_EPOCHS if args.quick else EPOCHS
    args.size = {
        "epochs": args.epochs, "features": FEW_FEATURES if args.quick else FEATURES,
    }  # fmt: skip
    if {"real"} & set(args.part or PARTS):
        data_folder()  # If there is none, better told now than after the work.

    @cache
    def held(as_published: bool) -> Pool:
        many, side = (FEW_FIELDS, SMALL_PX) if args.quick else (FIELDS_EACH, FIELD_PX)
        return pool(many, side, args.keep, args.device, published=as_published)

    def measured(name: str) -> list[Row]:
        return real(args) if name == "real" else PARTS[name](held(name == "published"), args)

    measure({name: partial(measured, name) for name in PARTS}, args, plot_sorting)


if __name__ == "__main__":
    main()
