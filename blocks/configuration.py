"""The whole configuration of a run: iota2's sections, as plain models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from blocks.chain import Chain
from blocks.features import (
    ArgTrain,
    ExternalFeatures,
    Iota2FeatureExtraction,
    PythonDataManaging,
    SensorsDataInterpolation,
)
from blocks.radar_section import Sentinel1Section
from blocks.running import Builders, TaskRetryLimits
from blocks.section import OWN, Section
from blocks.sensor_sections import (
    Landsat5OldSection,
    Landsat5Section,
    Landsat7Section,
    Landsat8OldSection,
    Landsat8Section,
    Landsat8UsgsSection,
    OtherSensorSection,
    SensorSection,
    Sentinel2L3ASection,
    Sentinel2S2CSection,
    Sentinel2Section,
    UserFeatSection,
)


class Configuration(Section):
    """What a run is asked to do, by iota2's sections and keys, with iota2's defaults.

    Only single values are checked here; what sections and files must agree on is checked by
    :func:`blocks.resolve.resolve`.
    """

    chain: Chain = Field(
        title="Chain", description="What is mapped, from which folders, onto which grid."
    )
    sensors_data_interpolation: SensorsDataInterpolation = Field(
        default=SensorsDataInterpolation(),
        title="Interpolation",
        description="How series are brought onto regular dates, and what is made of them.",
    )
    external_features: ExternalFeatures = Field(
        default=ExternalFeatures(),
        title="User functions",
        description="The user's functions, and what becomes of their results.",
    )
    iota2_feature_extraction: Iota2FeatureExtraction = Field(
        default=Iota2FeatureExtraction(),
        title="Native features",
        description="Which native features there are.",
    )
    python_data_managing: PythonDataManaging = Field(
        default=PythonDataManaging(),
        title="Data for the functions",
        description="How data are cut and handed to the functions.",
    )
    builders: Builders = Field(
        default=Builders(), title="Builders", description="Which of iota2's builders runs."
    )
    task_retry_limits: TaskRetryLimits = Field(
        default=TaskRetryLimits(),
        title="Limits of tasks",
        description="How far a task may go that ran out of memory.",
    )
    arg_train: ArgTrain = Field(
        default=ArgTrain(),
        title="Indices",
        description="What a features map uses of iota2's section of training.",
    )
    Sentinel_1: Annotated[Sentinel1Section, OWN] = Field(
        default=Sentinel1Section(),
        title="Sentinel-1",
        description="How the images of Sentinel-1 become series, where `chain.s1_path` puts it in "
        "use. All keys are sitsflow's: iota2 has an INI file instead. Where `chain.s1_path` is "
        "such a file, what it says holds, and the section may add what it does not say; another "
        "value for a key of the file is an error.",
    )
    Sentinel_2: Sentinel2Section = Field(
        default=Sentinel2Section(), title="Sentinel-2 (THEIA)", description="Level 2A of THEIA."
    )
    Sentinel_2_S2C: Sentinel2S2CSection = Field(
        default=Sentinel2S2CSection(),
        title="Sentinel-2 (Sen2Cor)",
        description="Level 2A of Sen2Cor.",
    )
    Sentinel_2_L3A: Sentinel2L3ASection = Field(
        default=Sentinel2L3ASection(),
        title="Sentinel-2 syntheses",
        description="Monthly syntheses (level 3A) of THEIA.",
    )
    Landsat8: Landsat8Section = Field(
        default=Landsat8Section(), title="Landsat 8", description="Products of THEIA."
    )
    Landsat8_old: Landsat8OldSection = Field(
        default=Landsat8OldSection(),
        title="Landsat 8, old",
        description="THEIA's format until 2017.",
    )
    Landsat5_old: Landsat5OldSection = Field(
        default=Landsat5OldSection(),
        title="Landsat 5, old",
        description="THEIA's format until 2017.",
    )
    Landsat7: Annotated[Landsat7Section, OWN] = Field(
        default=Landsat7Section(), title="Landsat 7", description="Products of THEIA."
    )
    Landsat5: Annotated[Landsat5Section, OWN] = Field(
        default=Landsat5Section(), title="Landsat 5", description="Products of THEIA."
    )
    Landsat8_usgs: Landsat8UsgsSection = Field(
        default=Landsat8UsgsSection(),
        title="Landsat 8 and 9 (USGS)",
        description="Level 2 of the USGS.",
    )
    Landsat8_usgs_optical: Landsat8UsgsSection = Field(
        default=Landsat8UsgsSection(),
        title="Landsat 8 and 9 (USGS), reflectances",
        description="Level 2 of the USGS.",
    )
    Landsat8_usgs_thermal: Landsat8UsgsSection = Field(
        default=Landsat8UsgsSection(),
        title="Landsat 8 and 9 (USGS), temperatures",
        description="Level 2 of the USGS.",
    )
    Landsat8_usgs_infrared: Landsat8UsgsSection = Field(
        default=Landsat8UsgsSection(),
        title="Landsat 8 and 9 (USGS), thermal radiances",
        description="Level 1 of the USGS.",
    )
    userFeat: UserFeatSection = Field(
        default=UserFeatSection(), title="User rasters", description="Rasters without dates."
    )
    other_sensors: Annotated[Mapping[str, OtherSensorSection], OWN] = Field(
        default_factory=dict,
        title="Other sensors",
        description="The section of each sensor that one of `chain.sensor_folders` describes, by "
        "the sensor's name. A section of that name does the same.",
    )

    def sensor_section(self, name: str) -> SensorSection:
        """Return the section of the sensor called `name`, its defaults if it has none."""
        if name in Configuration.model_fields:
            section = getattr(self, name)
            assert isinstance(section, SensorSection), name
            return section
        return self.other_sensors.get(name, OtherSensorSection())

    def plain(self) -> dict[str, Any]:
        """Return what differs from the defaults as nested plain values, ready for a file."""
        dumped = self.model_dump(mode="json", exclude_defaults=True)
        return {name: section for name, section in dumped.items() if section}
