from __future__ import annotations

import numpy as np

from engrain.kernels import LinearBandit, reference

from .common import needs, optional


class ChooseAndLearn:
    """Choose one of 10 arms and learn its reward, beside other bandits doing the same."""

    params = [64, 384]
    param_names = ["dim"]

    def setup(self, dim):
        rng = np.random.default_rng(0)
        x = rng.standard_normal((256, dim))
        self.X = np.ascontiguousarray(x / np.linalg.norm(x, axis=1, keepdims=True), np.float32)
        self.wide, self.at, self.dim = self.X.astype(np.float64), 0, dim
        self.ours = LinearBandit(dim, 10, rule="ucb", alpha=0.3)
        self.thompson = LinearBandit(dim, 10, alpha=0.3)
        self.inverse = np.stack([np.eye(dim)] * 10)
        self.b, self.theta = np.zeros((10, dim)), np.zeros((10, dim))

    def floor(self, dim, machine):
        return machine.call + machine.stream(10 * 2 * dim * dim)

    def _next(self):
        self.at = (self.at + 1) % 256
        return self.at

    def time_engrain(self, dim):
        x = self.X[self._next()]
        self.ours.learn(x, self.ours.choose(x)[0], 0.5)

    def time_engrain_thompson(self, dim):
        x = self.X[self._next()]
        self.thompson.learn(x, self.thompson.choose(x)[0], 0.5)

    def time_numpy_linucb(self, dim):
        x = self.wide[self._next()]
        z = self.inverse @ x
        a = int(np.argmax(self.theta @ x + 0.3 * np.sqrt(z @ x)))
        z = self.inverse[a] @ x
        self.inverse[a] -= np.outer(z, z) / (1 + x @ z)
        self.b[a] += 0.5 * x
        self.theta[a] = self.inverse[a] @ self.b[a]


class BanditQuality:
    """Largest difference from score_arms after 500 calls of learn_arm, in float64."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.ours = LinearBandit(16, 4, ridge=1.0, alpha=1.0)
        self.inverse, self.theta = np.stack([np.eye(16)] * 4), np.zeros((4, 16))
        for x in rng.standard_normal((500, 16)).astype(np.float32) / 4:
            arm, reward = int(rng.integers(4)), float(np.float32(rng.random()))
            self.ours.learn(x, arm, reward)
            learned = reference.learn_arm(self.inverse[arm], self.theta[arm], x, reward)
            self.inverse[arm], self.theta[arm] = learned
        self.x = np.full(16, 0.25, dtype=np.float32)

    def track_error_of_score_arms(self):
        mean, deviation = self.ours.score(self.x)
        wanted, variance = reference.score_arms(self.inverse, self.theta, self.x)
        return float(max(abs(mean - wanted).max(), abs(deviation - np.sqrt(variance)).max()))

    def track_error_of_thompson_probabilities(self):
        wanted = reference.thompson_probabilities(*self.ours.score(self.x))
        return float(abs(self.ours.probabilities(self.x) - wanted).max())


class Peers:
    """Bandit packages at 64 features and 10 arms: one choice and one step of learning."""

    def setup(self):
        rng = np.random.default_rng(0)
        x = rng.standard_normal((256, 64))
        self.X, self.at = x / np.linalg.norm(x, axis=1, keepdims=True), 0
        self.narrow = self.X.astype(np.float32)
        self.ours = LinearBandit(64, 10, rule="ucb", alpha=0.3)
        self.vw, self.mabwiser, self.river, self.cb = (make() for make in _MAKERS)

    def _next(self):
        self.at = (self.at + 1) % 256
        return self.at

    def time_engrain(self):
        x = self.narrow[self._next()]
        self.ours.learn(x, self.ours.choose(x)[0], 0.5)

    @needs("vowpalwabbit")
    def time_vowpalwabbit(self):
        text = "| " + " ".join(f"f{i}:{v:.4f}" for i, v in enumerate(self.X[self._next()]))
        p = np.asarray(self.vw.predict(text))
        a = int(np.argmax(p))
        self.vw.learn(f"{a + 1}:-0.5:{p[a]:.5f} {text}")

    @needs("mabwiser")
    def time_mabwiser_linucb(self):
        x = self.X[self._next()]
        self.mabwiser.partial_fit([self.mabwiser.predict([x])], [0.5], [x])

    @needs("river")
    def time_river_linucb(self):
        x = dict(enumerate(self.X[self._next()].tolist()))
        arm = self.river.pull(range(10), context=x)
        self.river.update(arm, x, 0.5)

    @needs("contextualbandits")
    def time_contextualbandits_linucb(self):
        x = self.X[self._next()][None]
        self.cb.partial_fit(x, np.asarray(self.cb.predict(x)), np.array([0.5]))


def _vw():
    package = optional("vowpalwabbit")
    return package and package.Workspace("--cb_explore 10 --epsilon 0.05 --quiet")


def _mabwiser():
    if not optional("mabwiser"):
        return None
    from mabwiser.mab import MAB, LearningPolicy

    made = MAB(list(range(10)), LearningPolicy.LinUCB(0.3))
    made.fit(list(range(10)), [0.0] * 10, np.zeros((10, 64)))
    return made


def _river():
    if not optional("river"):
        return None
    from river import bandit

    return bandit.LinUCBDisjoint(alpha=0.3)


def _contextualbandits():
    if not optional("contextualbandits"):
        return None
    from contextualbandits.online import LinUCB

    made = LinUCB(10, alpha=0.3, random_state=1)
    made.fit(np.eye(64)[:10], np.arange(10), np.ones(10))
    return made


_MAKERS = (_vw, _mabwiser, _river, _contextualbandits)


class Digits:
    """UCI digits, 10 arms, one pass, 3 seeds: mean reward and that of the last 500."""

    params = [["thompson", "ucb"]]
    param_names = ["rule"]

    def setup(self, rule):
        from sklearn.datasets import load_digits

        X, self.y = load_digits(return_X_y=True)
        self.X = np.ascontiguousarray(X / np.linalg.norm(X, axis=1, keepdims=True), np.float32)

    def _rewards(self, rule):
        runs = []
        for seed in range(3):
            bandit, got = LinearBandit(64, 10, rule=rule, seed=seed), []
            for at in np.random.default_rng(seed).permutation(len(self.y)):
                arm, _ = bandit.choose(self.X[at])
                got.append(float(arm == self.y[at]))
                bandit.learn(self.X[at], arm, got[-1])
            runs.append(got)
        return np.array(runs)

    def track_mean_reward(self, rule):
        return float(self._rewards(rule).mean())

    def track_last_500(self, rule):
        return float(self._rewards(rule)[:, -500:].mean())
