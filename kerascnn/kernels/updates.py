"""Optimizers of Keras whose step on a weight is one operation of TensorFlow."""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras, tf


class FusedSGD(keras.optimizers.SGD):
    """SGD with momentum, each weight's step being one pass over it and its velocity.

    Keras's own takes some seven operations, each a pass over memory, and a millisecond or two to
    trace each.
    """

    def momentum_at(self, step: Any) -> Any:
        """Returns the momentum of a step."""
        return self.momentum

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one weight and its velocity."""
        if self.momentum == 0:
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=velocity.value.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(tf.convert_to_tensor(gradient), variable.dtype),
            momentum=tf.cast(self.momentum_at(self._iterations), variable.dtype),
            use_locking=True,
            use_nesterov=self.nesterov,
        )


class FusedAdam(keras.optimizers.Adam):
    """Adam (Kingma & Ba 2015), each weight's step being one pass over it and its two moments.

    Keras's own takes some twenty operations. They differ in the last bits: this one takes 1 - beta
    of the rounded beta.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one weight and its moments."""
        if self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        index, kind = self._get_variable_index(variable), variable.dtype
        beta_1, beta_2 = (tf.constant(beta, kind) for beta in (self.beta_1, self.beta_2))
        step = tf.cast(self.iterations + 1, kind)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, kind),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, kind),
            grad=tf.cast(tf.convert_to_tensor(gradient), kind),
            use_locking=True,
        )
