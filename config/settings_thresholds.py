"""Pure: settings of judging a picture: where a measure becomes a verdict."""

from __future__ import annotations

from config.setting import Section, setting


class Thresholds(Section):
    """Every field is a field of the same name and default in :mod:`health.thresholds`."""

    no_signal_flat: float = setting(
        0.93, "Neighbouring pixels equal to the last bit: drawn, not seen.", unit="share", ge=0, le=1
    )
    no_signal_dominant: float = setting(0.75, "Pixels of one grey level in a drawn screen.", unit="share", ge=0, le=1)
    snow_noise: float = setting(30.0, "Noise of an untuned receiver.", unit="grey levels", ge=0, le=255)
    snow_layout: float = setting(
        7.0, "Largest deviation of the 64x36 picture that is still snow.", unit="grey levels", ge=0, le=255
    )
    black_mean: float = setting(26.0, "Mean luma of a black picture.", unit="grey levels", ge=0, le=255)
    black_quantile: float = setting(
        64.0, "99 % quantile of the luma of a black picture.", unit="grey levels", ge=0, le=255
    )
    white_share: float = setting(0.5, "Pixels at or over 250 in an over-exposed picture.", unit="share", ge=0, le=1)
    white_mean: float = setting(225.0, "Mean luma of an over-exposed picture.", unit="grey levels", ge=0, le=255)
    glare_share: float = setting(
        0.12, "Pixels at or over 250 when something shines into the lens.", unit="share", ge=0, le=1
    )
    match_score: float = setting(0.6, "A frame this near to a reference teaches it.", unit="score", ge=0, le=1)
    match_lost: float = setting(0.1, "Lost blocks a frame may have and still teach.", unit="share", ge=0, le=1)
    match_light: float = setting(
        0.5, "Of the 64x36 pictures, below which it is another light.", unit="correlation", ge=-1, le=1
    )
    candidate_score: float = setting(
        0.4, "A frame this near to a candidate is of the same normal.", unit="score", ge=0, le=1
    )
    candidate_lost: float = setting(0.3, "Lost blocks against a candidate.", unit="share", ge=0, le=1)
    gone_score: float = setting(0.14, "Under it nothing of the view is left in place.", unit="score", ge=0, le=1)
    covered_patch: float = setting(0.3, "Connected lost blocks of a covered picture.", unit="share", ge=0, le=1)
    covered_score: float = setting(
        0.55, "Score over the usual one, below which lost blocks need not touch.", unit="ratio", ge=0, le=1000
    )
    covered_lost: float = setting(
        0.3, "Lost blocks of a covered picture where the score fell so far.", unit="share", ge=0, le=1
    )
    flat_layout: float = setting(
        4.0, "Deviation of the 64x36 picture with nothing to see in it.", unit="grey levels", ge=0, le=255
    )
    shift_search: float = setting(
        0.75, "Score over the usual one, below which the view is looked for elsewhere.", unit="ratio", ge=0, le=1000
    )
    shift_size: float = setting(0.018, "Smallest shift that is told.", unit="share of the width", ge=0, le=1)
    shift_score: float = setting(0.22, "Agreement once moved back.", unit="score", ge=0, le=1)
    shift_gain: float = setting(0.12, "By how much moving back must mend the agreement.", unit="score", ge=0, le=1)
    blur_ratio: float = setting(0.72, "Sharpness over the reference's own median.", unit="ratio", ge=0, le=1000)
    blur_crispness: float = setting(
        0.56, "Crispness over the reference's own, where noise hides the blur.", unit="ratio", ge=0, le=1000
    )
    blur_floor: float = setting(
        0.4, "|Laplacian| over |gradient| of a picture blurred whatever it shows.", unit="ratio", ge=0, le=1000
    )
    blur_light: float = setting(
        0.6, "Of the 64x36 pictures, below which it is another view.", unit="correlation", ge=-1, le=1
    )
    cast_distance: float = setting(
        14.0, "Distance of the mean colour from the reference's median.", unit="CIE Lab a, b", ge=0, le=200
    )
    cast_absolute: float = setting(45.0, "The same without a reference, from grey.", unit="CIE Lab a, b", ge=0, le=200)
    grey_saturation: float = setting(3.0, "Under it a picture is grey (infrared).", unit="chroma levels", ge=0, le=255)
    noise_level: float = setting(7.0, "Noise at the source's own size.", unit="grey levels", ge=0, le=255)
    noise_ratio: float = setting(3.0, "Noise over the reference's own median.", unit="ratio", ge=0, le=1000)
    stripe_peak: float = setting(8.0, "Spectral line over its neighbourhood.", unit="ratio", ge=0, le=1000)
    stripe_ratio: float = setting(2.0, "Spectral line over the reference's own median.", unit="ratio", ge=0, le=1000)
    stripe_level: float = setting(1.5, "Smallest amplitude of a stripe.", unit="grey levels", ge=0, le=255)
    frozen_difference: float = setting(
        0.05, "Mean difference of two pictures that are one.", unit="grey levels", ge=0, le=255
    )
    contrast_ratio: float = setting(
        0.6, "Deviation over the reference's own, below which it is fog or rain.", unit="ratio", ge=0, le=1000
    )
    dusk_low: float = setting(-8.0, "Sun elevation where night ends.", unit="degrees", ge=-90, le=90)
    dusk_high: float = setting(3.0, "Sun elevation where day begins.", unit="degrees", ge=-90, le=90)
