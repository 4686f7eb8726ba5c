"""Settings of every test."""

from hypothesis import HealthCheck, settings

# a busy machine is no failure
settings.register_profile("makespan", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("makespan")
