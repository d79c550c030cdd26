"""How far the predicted hologram is from the recorded one, and which way is down.

Half the mean over exposures of ``sum w (|u * h| - sqrt(I) / b)^2``: a misfit of amplitudes
(Allier 2022 §2.2), with ``w = 0`` at unknown pixels, ``b`` a slow background fitted to the data,
and ``h`` the propagation times the first order of the sensor's blur (``optics.sensor``).
The unknowns are the phase at a reference wavelength (rad) and the absorption, on a field wider
than the sensor, so that light may come in from outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lensfree_nb.errors import DataError
from lensfree_nb.microscope import Setup
from lensfree_nb.optics.bands import bands
from lensfree_nb.optics.fourier import ifft2
from lensfree_nb.optics.object_field import object_field
from lensfree_nb.optics.propagation import checked_halo_px, fast_shape, transfer_function
from lensfree_nb.optics.sensor import sensor_transfer, shift_transfer
from lensfree_nb.reconstruct.dust import dusty, missed
from lensfree_nb.reconstruct.slow_background import slow_background

TINY = 1e-9


def total(image: Tensor) -> float:
    """Sum of an image in an order that does not depend on the number of threads."""
    return float(image.sum(dim=-1).double().sum())


class Misfit:
    """Amplitude misfit of one frame (or one tile of it).

    Parameters
    ----------
    hologram : Tensor, shape (exposure, y, x)
        Intensities in any unit; NaN where unknown.
    setup : Setup
        The microscope, with a distance for each exposure.
    background_px : float or None
        Scale (px, standard deviation of a Gaussian) of the slow background that is fitted;
        None fits one number an exposure.
    periodic : bool
        Take the frame for one period of a periodic object: nothing lies outside of it.
    """

    def __init__(
        self,
        hologram: Tensor,
        setup: Setup,
        *,
        background_px: float | None = 40.0,
        periodic: bool = False,
    ):
        known = torch.isfinite(hologram)
        if not bool(known.any()):
            raise DataError("hologram has no known pixel")
        self.setup = setup
        self.frame = (int(hologram.shape[-2]), int(hologram.shape[-1]))
        margin = checked_halo_px(setup, self.frame)
        self.shape = self.frame if periodic else fast_shape(self.frame, margin)
        top, left = ((n - m) // 2 for n, m in zip(self.shape, self.frame, strict=True))
        self._window = (slice(top, top + self.frame[0]), slice(left, left + self.frame[1]))
        self.device = hologram.device
        self.weight = known.to(torch.float32)
        self.amplitude = torch.where(known, hologram, 0).clamp_(min=0).sqrt_().to(torch.float32)
        self.reference_um = sum(setup.wavelength_nm) * 1e-3 / setup.exposures
        self.ratios = [self.reference_um * 1e3 / w for w in setup.wavelength_nm]
        self._transfer = [self._exposure_transfer(e) for e in range(setup.exposures)]
        self._background_px = background_px
        self.background = torch.ones_like(self.amplitude)
        self.fit_background([self.weight[e] for e in range(setup.exposures)])
        self.forget(dusty((self.amplitude / self.background).square(), self.weight, setup))

    @property
    def lipschitz(self) -> float:
        """Bound on the curvature, for a step size: that of the phase at |u| <= 1."""
        return max(1.0, sum(r * r for r in self.ratios) / len(self.ratios))

    @property
    def opd_nm_a_rad(self) -> float:
        """Optical path difference (nm) of one radian of the phase that is solved for."""
        return self.reference_um * 1e3 / (2 * math.pi)

    def forget(self, where: Tensor) -> bool:
        """Count pixels (y, x) as unknown from now on; whether there were any."""
        if not bool(where.any()):
            return False
        self.weight[:, where] = 0
        self.fit_background([self.weight[e] for e in range(self.setup.exposures)])
        return True

    def crop(self, field: Tensor) -> Tensor:
        """The part of a field that lies over the sensor."""
        return field[self._window]

    def zeros(self) -> Tensor:
        """An empty unknown on the padded field (float32)."""
        return torch.zeros(self.shape, dtype=torch.float32, device=self.device)

    def spread(self, image: Tensor) -> Tensor:
        """An image over the sensor, on the padded field, zero outside."""
        field = torch.zeros(self.shape, dtype=image.dtype, device=self.device)
        self.crop(field).copy_(image)
        return field

    def value_and_gradient(
        self, phase: Tensor, absorption: Tensor, *, fit_background: bool = False
    ) -> tuple[float, Tensor, Tensor]:
        """Misfit, and its gradient with respect to phase (1/rad) and absorption.

        With `fit_background` the background is first fitted to this very estimate, so that the
        gradient is that of the misfit at its best background, at no further propagation.
        """
        towards_phase, towards_absorption = torch.zeros_like(phase), torch.zeros_like(phase)
        value, share = 0.0, 1.0 / self.setup.exposures
        for e, ratio in enumerate(self.ratios):
            field = object_field(phase, absorption, ratio)
            sensor = self._to_sensor(field, e)
            if fit_background:
                self._fit(e, self.crop(sensor).abs())
            value += 0.5 * share * self._weigh(sensor, e)
            back = self._to_sample(sensor, e)
            for rows in bands(phase):
                product = field[rows].conj().mul(back[rows])
                towards_absorption[rows].add_(product.real, alpha=-share)
                towards_phase[rows].add_(product.imag, alpha=share * ratio)
        return value, towards_phase, towards_absorption

    def predict(self, phase: Tensor, absorption: Tensor) -> list[Tensor]:
        """Amplitude on the sensor of each exposure, before the background."""
        return [
            self.crop(self._to_sensor(object_field(phase, absorption, ratio), e)).abs()
            for e, ratio in enumerate(self.ratios)
        ]

    def missed(self, phase: Tensor, absorption: Tensor) -> Tensor:
        """Where dust takes the light that an estimate would let through (bool; y, x)."""
        predicted = torch.stack(self.predict(phase, absorption))
        return missed(self.amplitude / self.background, predicted, self.weight, self.setup)

    @property
    def recorded(self) -> list[int]:
        """Numbers of the exposures of which anything is known."""
        return [e for e, weight in enumerate(self.weight) if bool(weight.any())]

    def normalised(self, exposure: int, unknown: float | None = None) -> Tensor:
        """Recorded amplitude over the sensor, background 1.

        Where nothing is known it is `unknown`; without that, what stands there means nothing.
        """
        found = self.amplitude[exposure] / self.background[exposure]
        if unknown is None:
            return found
        return torch.where(self.weight[exposure] > 0, found, unknown)

    def back_propagated(self) -> list[Tensor]:
        """Field at the sample of each recorded exposure, from its amplitude, background 1."""
        fields = []
        for e in self.recorded:
            amplitude = self.normalised(e)
            known = torch.where(self.weight[e] > 0, amplitude, 1.0) - 1.0
            wave = torch.fft.fft2(self.spread(known.to(torch.complex64)))
            transfer = self._transfer[e] / self._transfer[e][0, 0]
            fields.append(1.0 + ifft2(wave * transfer.conj()))
        return fields

    def corrected(self, phase: Tensor, absorption: Tensor) -> Iterator[Tensor]:
        """Field at the sample of each exposure, with the recorded amplitude on the sensor.

        Where nothing was recorded it keeps the amplitude of the estimate.
        """
        for e, ratio in enumerate(self.ratios):
            sensor = self._to_sensor(object_field(phase, absorption, ratio), e)
            over = self.crop(sensor)
            data = self.normalised(e) / _modulus(over)
            over.mul_(torch.where(self.weight[e] > 0, data, 1.0))
            yield self._to_sample(sensor, e)

    def fit_background(self, predicted: list[Tensor]) -> None:
        """Fit the slow background of each exposure to the ratio of data to prediction."""
        for e, model in enumerate(predicted):
            self._fit(e, model)

    def residual_maps(self, predicted: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Squared misfit and squared contrast of the data, summed over exposures, per pixel."""
        misfit, contrast = torch.zeros_like(predicted[0]), torch.zeros_like(predicted[0])
        for e, model in enumerate(predicted):
            data = self.normalised(e)
            misfit += self.weight[e] * (model - data) ** 2
            contrast += self.weight[e] * (data - 1) ** 2
        return misfit, contrast

    def unexplained(
        self, phase: Tensor, absorption: Tensor, further_um: Sequence[float]
    ) -> list[Tensor]:
        """Squared misfit over the sensor, were the sample further away (µm), for each of these."""
        squared = [torch.zeros_like(self.weight[0]) for _ in further_um]
        for e, ratio in enumerate(self.ratios):
            wave = torch.fft.fft2(object_field(phase, absorption, ratio))
            for found, further in zip(squared, further_um, strict=True):
                transfer = self._exposure_transfer(e, further) if further else self._transfer[e]
                model = _modulus(self.crop(ifft2(wave * transfer)))
                found += self.weight[e] * (model - self.normalised(e)) ** 2
        return squared

    def _exposure_transfer(self, exposure: int, further_um: float = 0.0) -> Tensor:
        transfer = transfer_function(
            self.shape,
            self.setup.pixel_size_um,
            self.setup.wavelength_um[exposure],
            self.setup.known_distance()[exposure] + further_um,
            device=self.device,
        )
        transfer.mul_(sensor_transfer(self.shape, self.setup, exposure, device=self.device))
        if self.setup.shift_um:
            transfer.mul_(
                shift_transfer(
                    self.shape, self.setup.pixel_size_um, self.setup.shift_um[exposure],
                    device=self.device,
                )
            )  # fmt: skip
        return transfer

    def _fit(self, exposure: int, model: Tensor) -> None:
        weighted = self.weight[exposure] * model
        top, bottom = weighted * self.amplitude[exposure], weighted.mul_(model)
        overall = total(top) / max(total(bottom), TINY)
        if self._background_px is None:
            self.background[exposure] = max(overall, TINY)
        else:
            self.background[exposure] = slow_background(top, bottom, self._background_px, overall)

    def _to_sensor(self, field: Tensor, exposure: int) -> Tensor:
        wave: Tensor = torch.fft.fft2(field)
        for rows in bands(wave):
            wave[rows].mul_(self._transfer[exposure][rows])
        sensor: Tensor = ifft2(wave)
        return sensor

    def _to_sample(self, sensor: Tensor, exposure: int) -> Tensor:
        wave: Tensor = torch.fft.fft2(sensor)
        for rows in bands(wave):
            wave[rows].mul_(self._transfer[exposure][rows].conj())
        field: Tensor = ifft2(wave)
        return field

    def _weigh(self, sensor: Tensor, exposure: int) -> float:
        """Squared gap to the data; the field is replaced by its gap, zero outside the sensor."""
        amplitude, background = self.amplitude[exposure], self.background[exposure]
        over, value = self.crop(sensor), 0.0
        for rows in bands(over):
            part = over[rows]
            modulus = _modulus(part)
            gap = modulus.sub(amplitude[rows] / background[rows]).mul_(self.weight[exposure][rows])
            value += total(gap * gap)
            part.mul_(gap.div_(modulus))
        down, across = self._window
        for outside in (
            sensor[: down.start], sensor[down.stop :],
            sensor[:, : across.start], sensor[:, across.stop :],
        ):  # fmt: skip
            outside.zero_()
        return value


def _modulus(field: Tensor) -> Tensor:
    """Absolute value as a root of squares, a little above zero.

    Half the time of torch's own, which guards against overflow, and rounds by where threads part.
    """
    return field.real.square().add_(field.imag.square()).sqrt_().clamp_(min=TINY)
