//! A complex amplitude, and the arithmetic that a fit needs of it.

use super::tables;

/// A sinusoid's complex amplitude: the signal is the real part of it times `e^(iωt)`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Phasor {
    pub(super) re: f32,
    pub(super) im: f32,
}

impl Phasor {
    pub(super) fn unit(radians: f32) -> Phasor {
        let (re, im) = tables::cos_sin(radians);
        Phasor { re, im }
    }

    pub(super) fn power(self) -> f32 {
        self.re * self.re + self.im * self.im
    }

    pub(super) fn times(self, o: Phasor) -> Phasor {
        Phasor { re: self.re * o.re - self.im * o.im, im: self.re * o.im + self.im * o.re }
    }

    pub(super) fn conjugate(self) -> Phasor {
        Phasor { re: self.re, im: -self.im }
    }

    pub(super) fn plus(self, o: Phasor) -> Phasor {
        Phasor { re: self.re + o.re, im: self.im + o.im }
    }

    pub(super) fn scaled(self, by: f32) -> Phasor {
        Phasor { re: self.re * by, im: self.im * by }
    }

    pub(super) fn angle(self) -> f32 {
        tables::angle(self.re, self.im)
    }
}
