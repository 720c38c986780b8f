"""Everything that needs Ray: the session, Ray Train's workers, Ray Tune's trials.

Importing this package sets Ray's environment. Ray reads it at its own import, and a session that is started later with another
mode of authentication does not start. Where Ray was imported before, it is made to read the environment again.
"""

import os
import sys

ENVIRONMENT = {  # what the user has set stays
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # a thread that outlives the session must not start another Ray
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",  # part of the start-up time of workers; Ray's default is 2
    "RAY_enable_metrics_collection": "0",  # nor a port on which a local session would export metrics
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",  # lanes are the work itself; by default they give way to everything else
    "RAY_TRAIN_ENABLE_STATE_TRACKING": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_AIR_NEW_OUTPUT": "0",  # Tune would print a panel even where it is told to be silent
    "TOKENIZERS_PARALLELISM": "false",
}
os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
if "ray" in sys.modules:
    from ray import _raylet

    _raylet.Config.initialize("")  # pyrefly: ignore[missing-attribute] - compiled, and without types
