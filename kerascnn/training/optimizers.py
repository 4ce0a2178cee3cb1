"""From an optimizer spec to Keras's optimizer, for the weights of one network."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.errors import UserError, unknown
from kerascnn.kernels.updates import FusedAdam, FusedSGD
from kerascnn.training.backbone import head_layers, rate_factors
from kerascnn.training.optimizer_spec import OptimizerSpec
from kerascnn.training.schedules import Schedule

ops = keras.ops

if TYPE_CHECKING:
    from typing import Any as _Keras
else:
    _Keras = object  # what comes after `_Ruled` in each class below is Keras's


@dataclass(frozen=True)
class Rule:
    """How one weight is trained.

    Attributes:
        multiplier: The factor of the learning rate, and with it of both decays.
        l2: Coupled decay: times the weight, added to its gradient.
        weight_decay: Decoupled decay: times the weight and the rate, taken from the weight.
    """

    multiplier: float
    l2: float
    weight_decay: float


class _Ruled(_Keras):
    """What recipes ask of every optimizer beyond Keras's own: a rule for each weight.

    Comes before the Keras class. The coupled decay goes into the gradient and not, as a
    regularizer of Keras's would, into the loss: so the validation loss stays what it is named, and
    clipping bounds the gradient of the data alone, as in Caffe.

    Args:
        rules: By path of the weight.
        schedule: The learning rate; its variables become the optimizer's.
        **arguments: Keras's own.
    """

    def __init__(self, *, rules: dict[str, Rule], schedule: Any, **arguments: Any):
        super().__init__(learning_rate=schedule, **arguments)
        self.rules = rules
        self.schedule = schedule
        for variable in getattr(schedule, "variables", []):
            self._track_variable(variable)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one weight by its rule."""
        rule = self.rules[self._trainable_variables[self._get_variable_index(variable)].path]
        rate = learning_rate if rule.multiplier == 1 else learning_rate * rule.multiplier
        if rule.l2:
            gradient = gradient + rule.l2 * ops.cast(variable, gradient.dtype)
        if rule.weight_decay:
            self.assign_sub(variable, variable * ops.cast(rule.weight_decay * rate, variable.dtype))
        super().update_step(gradient, variable, rate)

    def _update_model_variables_moving_average(self, trainable_variables: Any) -> None:
        if not self.use_ema:
            return
        for variable in trainable_variables:
            # Keras would bound it after the average is taken.
            if variable.constraint is not None and variable.trainable:
                variable.assign(variable.constraint(variable))
        every = self.gradient_accumulation_steps or 1

        def average() -> None:
            # Keras's own would give the first update 0.99^54 of a run of 55, more than half: its
            # average reaches back as far in a short run as in a long one. This one never reaches
            # back much further than a tenth of the run so far.
            done = ops.cast(self._iterations // every, "float32")
            past = ops.minimum(self.ema_momentum, done / (done + 9))
            for variable, mean in zip(
                trainable_variables, self._model_variables_moving_average, strict=True
            ):
                if not variable.trainable:  # to the last bit, which the mean of equal ones loses
                    mean.assign(variable)
                elif mean is not None:
                    share = ops.cast(past, variable.dtype)
                    mean.assign(share * mean + (1 - share) * variable)

        if every == 1:
            average()
            return
        # Keras averages after every batch, also where it changed no weight.
        ops.cond((self._iterations + 1) % every == 0, average, lambda: None)

    def finalize_variable_values(self, var_list: Any) -> None:
        """Ends the run with the averages, also where it has ended with weights still waiting."""
        super().finalize_variable_values(self._trainable_variables)

    def figures(self) -> dict[str, float]:
        """Returns the learning rate of the last step, and what else changes over the run."""
        return {"learning_rate": float(self.schedule(ops.maximum(self._iterations - 1, 0)))}


class _RampedMomentum(FusedSGD):
    """SGD whose momentum grows linearly from step 0 on (Goodfellow et al. 2013, section 4).

    Args:
        momentum_start: At step 0.
        ramp: Steps of the run as planned until `momentum`.
        **arguments: Keras's own.
    """

    schedule: Schedule

    def __init__(self, *, momentum_start: float, ramp: float, **arguments: Any):
        super().__init__(**arguments)
        self._start, self._ramp = momentum_start, ramp

    def momentum_at(self, step: Any) -> Any:
        """Returns the momentum of a step."""
        grown = ops.clip(self.schedule.time(step) / self._ramp, 0.0, 1.0)
        return self._start + (self.momentum - self._start) * grown


class _FlatMuon(keras.optimizers.Muon):
    """Muon for convolutions too, each output map's weights in one row (Jordan et al. 2024).

    Keras 3.15 leaves them to Adam, which remains for biases, normalisation and whatever else is
    not a matrix.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) < 2 or not variable.path.endswith("kernel")

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Returns the nearest orthogonal matrix, in the shape of the weights."""
        flat = super().zeropower_via_newtonschulz5(ops.reshape(x, (-1, x.shape[-1])), steps)
        return ops.reshape(flat, x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Scales an update to the size of Adam's."""
        rows, columns = math.prod(x.shape[:-1]), x.shape[-1]
        return x * (max(rows, columns) ** 0.5 * self.rms_rate)


class _SGD(_Ruled, FusedSGD):
    pass


class _RampedSGD(_Ruled, _RampedMomentum):
    def figures(self) -> dict[str, float]:
        momentum = self.momentum_at(ops.maximum(self._iterations - 1, 0))
        return super().figures() | {"momentum": float(momentum)}


class _Adam(_Ruled, FusedAdam):
    pass


class _Lion(_Ruled, keras.optimizers.Lion):
    pass


class _Muon(_Ruled, _FlatMuon):
    pass


_CLASSES = {"sgd": _SGD, "adam": _Adam, "adamw": _Adam, "lion": _Lion, "muon": _Muon}


class _Both(keras.constraints.Constraint):
    """One constraint, then another."""

    def __init__(self, first: Any, second: Any):
        self._first, self._second = first, second

    def __call__(self, weights: Any) -> Any:
        return self._second(self._first(weights))


def _layer_of(model: keras.Model, variable: Any) -> keras.Layer:
    return model.get_layer(variable.path.split("/")[0])


def _is_kernel(variable: Any) -> bool:
    return str(variable.name).endswith("kernel")


def _multiplier(path: str, multipliers: dict[str, float]) -> float:
    for pattern, factor in multipliers.items():
        name = path if "/" in pattern else path.split("/")[0]
        if fnmatch.fnmatchcase(name, pattern):
            return factor
    return 1.0


def _check_patterns(model: keras.Model, patterns: Iterable[str]) -> None:
    paths = [variable.path for variable in model.weights]
    for pattern in patterns:
        names = sorted({path if "/" in pattern else path.split("/")[0] for path in paths})
        if not fnmatch.filter(names, pattern):
            raise unknown("layer of optimizer.learning_rate_multipliers", pattern, names)


def weight_rules(
    spec: OptimizerSpec, model: keras.Model, head: Collection[str] | None = None
) -> dict[str, Rule]:
    """Returns how each trained weight of a network is updated, by its path.

    Args:
        spec: As given.
        model: As given.
        head: Names of the layers that have the full learning rate; from the model if None.

    Raises:
        UserError: For a pattern of `learning_rate_multipliers` that matches no layer.
    """
    _check_patterns(model, spec.learning_rate_multipliers)
    factors = rate_factors(spec, model, head_layers(model) if head is None else head)
    rules = {}
    for variable in model.trainable_variables:
        slope = isinstance(_layer_of(model, variable), keras.layers.PReLU)
        decays = _is_kernel(variable) or (spec.decay == "all" and not slope)
        own = variable.regularizer is not None  # the layer's own decay takes the place of l2
        rules[variable.path] = Rule(
            _multiplier(variable.path, spec.learning_rate_multipliers)
            * factors.get(variable.path.split("/")[0], 1.0),
            spec.l2 if decays and not own else 0.0,
            spec.weight_decay if decays else 0.0,
        )
    return rules


def _unit_axes(layer: keras.Layer, kernel: Any) -> list[int]:
    """Returns the axes of a kernel that hold the incoming weights of one unit."""
    if isinstance(layer, layers.LocallyConnected2D):
        return [2]  # (H, W, incoming, filters)
    if isinstance(layer, layers.SparseConv2D):
        raise UserError(f"optimizer.max_norm: cannot bound the sparse convolution {layer.name}")
    return list(range(len(kernel.shape) - 1))


def weight_bounds(
    spec: OptimizerSpec, model: keras.Model
) -> dict[str, keras.constraints.Constraint]:
    """Returns the constraints of a network's kernels, those of its layers included, by path.

    Raises:
        UserError: For a layer whose units have no weights of their own.
    """
    bounds: dict[str, keras.constraints.Constraint] = {}
    for variable in model.trainable_variables if spec.max_norm else ():
        if _is_kernel(variable):
            axes = _unit_axes(_layer_of(model, variable), variable)
            bound = keras.constraints.MaxNorm(spec.max_norm, axes)
            own = variable.constraint
            bounds[variable.path] = _Both(own, bound) if own is not None else bound
    return bounds


def build_optimizer(
    spec: OptimizerSpec,
    model: keras.Model,
    schedule: Schedule,
    head: Collection[str] | None = None,
) -> keras.optimizers.Optimizer:
    """Returns the Keras optimizer that the spec describes, for the weights of one network.

    Args:
        spec: All but its schedule is read.
        model: Gets the constraints that the spec asks for.
        schedule: The learning rate.
        head: As for `weight_rules`.

    Raises:
        UserError: Where the spec names layers that the network does not have.
    """
    for path, bound in weight_bounds(spec, model).items():
        next(v for v in model.trainable_variables if v.path == path).constraint = bound
    kind: Any = _CLASSES[spec.name]
    arguments: dict[str, Any] = {}
    if spec.momentum is not None:
        arguments = {"momentum": spec.momentum, "nesterov": bool(spec.nesterov)}
    if spec.momentum_start is not None and spec.momentum_ramp is not None:
        kind = _RampedSGD
        arguments["momentum_start"] = spec.momentum_start
        arguments["ramp"] = spec.momentum_ramp * schedule.steps_per_epoch
    if spec.name == "muon":
        arguments["adam_weight_decay"] = None
    return kind(
        name=spec.name,
        rules=weight_rules(spec, model, head),
        schedule=schedule,
        weight_decay=None,  # the rules do it, at the rate of each weight
        global_clipnorm=spec.clip_norm,
        clipvalue=spec.clip_value,
        gradient_accumulation_steps=spec.accumulation if spec.accumulation > 1 else None,
        use_ema=spec.ema is not None,
        ema_momentum=spec.ema or 0.99,
        **arguments,
    )


def recipe_optimizer(model: keras.Model) -> Any:
    """Returns the optimizer that `build_optimizer` made, also where float16 wraps it."""
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def scored_weights(model: keras.Model) -> list[np.ndarray]:
    """Returns the weights that validation scores: their averages, where the optimizer keeps them.

    Those that no optimizer trains, such as batch normalisation's statistics, are never averages.
    """
    optimizer = recipe_optimizer(model)
    if not optimizer.use_ema or not optimizer.built:
        trained: list[np.ndarray] = model.get_weights()
        return trained
    averages = {
        variable.path: average
        for variable, average in zip(
            optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True
        )
    }
    return [np.array(averages.get(variable.path, variable)) for variable in model.weights]
