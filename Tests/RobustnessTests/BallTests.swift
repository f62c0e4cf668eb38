import DitherRobustness
import DitherTensor
import DitherTestSupport
import Testing

@Suite("Balls")
struct BallTests {
  @Test("a projection is inside, and leaves alone what is inside", arguments: Ball.samples)
  func projection(_ ball: Ball) {
    let examples = Examples.random(count: 6, seed: 1), clean = examples.inputs
    let far = clean + Tensor.random(clean.shape, seed: 2, from: -3, to: 3)
    let near = ball.project(far, around: clean)
    #expect(ball.contains(near, around: clean))
    #expect(ball.project(near, around: clean).isClose(to: near, absolute: 1e-5))
  }

  @Test("numbers that are none become the clean ones", arguments: Norm.allCases)
  func notNumbers(_ norm: Norm) {
    let clean = Tensor([1, 3], [0.2, 0.5, 0.8])
    let found = Ball(norm, epsilon: 0.1).project(Tensor([1, 3], [.nan, .infinity, -.infinity]), around: clean)
    #expect(found.isClose(to: clean, absolute: 1e-6))
  }

  @Test("a step is as long as it is asked to be, and climbs", arguments: Norm.allCases)
  func steps(_ norm: Norm) {
    let gradient = Tensor.random([4, 200], seed: 3)
    let step = Ball(norm, epsilon: 0.4).step(0.25, along: gradient)
    for row in 0..<4 {
      let length = step.rows(row..<row + 1).elements.withUnsafeBufferPointer { norm.length($0) }
      #expect(abs(length - 0.1) < 1e-5)
      #expect(zip(step.row(row), gradient.row(row)).reduce(0) { $0 + $1.0 * $1.1 } > 0)
    }
  }

  @Test("the smallest gradients have a direction", arguments: Norm.allCases)
  func tinyGradients(_ norm: Norm) {
    let step = Ball(norm, epsilon: 1).step(1, along: Tensor([1, 4], [1e-30, -1e-30, 1e-31, 0]))
    #expect(step.elements.contains { abs($0) > 0.1 })
    #expect(Ball(norm, epsilon: 1).step(1, along: Tensor(zeros: [1, 4])).elements == [0, 0, 0, 0])
  }

  @Test("random points fill the ball, by identity and not by place", arguments: Norm.allCases)
  func randomPoints(_ norm: Norm) {
    let clean = Tensor([64, 1, 2, 2], repeating: 0.5), ball = Ball(norm, epsilon: 0.4)
    let examples = Examples(
      clean, [Criterion](repeating: .untargeted(label: 0), count: 64), identities: (0..<64).map(UInt64.init))
    let all = ball.randomPoint(around: examples, NoiseAddress(seed: 9))
    #expect(ball.contains(all, around: clean))
    let some = ball.randomPoint(around: examples.rows(at: [40, 3]), NoiseAddress(seed: 9))
    #expect(some.row(0).elementsEqual(all.row(40)) && some.row(1).elementsEqual(all.row(3)))
    let lengths = (0..<64).map { row in
      (all - clean).rows(row..<row + 1).elements.withUnsafeBufferPointer { norm.length($0) }
    }
    #expect((lengths.max() ?? 0) > 0.3 && (lengths.min() ?? 1) < 0.3)
  }

  @Test(
    "a point is inside where its length is at most epsilon, by hand",
    arguments: [(Norm.linf, 0.19), (.l2, 0.5), (.l1, 1.5)])
  func membership(_ norm: Norm, _ length: Double) {
    // Eleven coordinates: more than are added side by side.
    let clean = Tensor([1, 11], repeating: 0.5)
    let moved: [Float] = [0.1, -0.19, 0.15, -0.12, 0.18, 0.1, -0.14, 0.16, 0.13, 0.12, -0.11]
    let x = clean + Tensor([1, 11], moved)
    let exact = moved.map { abs(Double($0)) }
    let own =
      switch norm {
      case .linf: exact.max() ?? 0
      case .l2: exact.reduce(0) { $0 + $1 * $1 }.squareRoot()
      case .l1: exact.reduce(0, +)
      }
    #expect(abs(own - length) < 0.05)
    #expect(Ball(norm, epsilon: own + 1e-4).rowsInside(x, around: clean) == [true])
    #expect(Ball(norm, epsilon: own - 1e-4).rowsInside(x, around: clean) == [false])
  }

  @Test(
    "what is no input is in no ball",
    arguments: [(0, true), (-0.0, true), (1, true), (Float(1).nextUp, false), (-1e-30, false), (-2, false)]
      + [Float.nan, -.nan, .infinity, -.infinity].map { ($0, false) } as [(Float, Bool)])
  func inputs(_ number: Float, _ isInput: Bool) {
    let clean = Tensor([1, 9], repeating: 0.5)
    for norm in Norm.allCases {
      for place in [0, 7, 8] {
        var x = clean
        x.elements[place] = number
        #expect(Ball.unbounded(norm, dimensions: 9).rowsInside(x, around: clean) == [isInput], "\(norm), \(place)")
      }
    }
  }
}
