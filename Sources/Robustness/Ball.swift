import DitherTensor

/// An attacker's reach: the points within `epsilon` of an input that are inputs themselves, in [0, 1].
///
/// Every method works row by row: a row of a tensor is an example.
public struct Ball: Sendable, Equatable, CustomStringConvertible {
  public var norm: Norm
  /// In units of the input: 8/255 is eight levels of a byte.
  public var epsilon: Double

  public init(_ norm: Norm, epsilon: Double) {
    precondition(epsilon.isFinite && epsilon >= 0, "a radius")
    self.norm = norm
    self.epsilon = epsilon
  }

  /// All inputs, whatever the clean one is.
  public static func unbounded(_ norm: Norm, dimensions: Int) -> Ball {
    Ball(norm, epsilon: norm.diameter(dimensions: dimensions))
  }

  public var description: String { "\(norm.rawValue) ball of radius \(epsilon)" }

  /// A point of the ball and of [0, 1] near to this one: in l∞ and l1 the nearest, in l2 that of the ball, brought into
  /// [0, 1]. Numbers that are not finite become the clean ones.
  ///
  /// Clamping to [0, 1] brings every coordinate nearer to the clean one, which is in [0, 1] itself, so it cannot leave
  /// the ball again.
  public func project(_ x: Tensor, around clean: Tensor) -> Tensor {
    rowByRow(x, clean) { difference, clean in
      if norm == .l1 {
        norm.shortenInBox(difference, from: clean, to: epsilon)
      } else {
        norm.shorten(difference, to: epsilon)
      }
    }
  }

  /// The step of `relativeLength` · epsilon that climbs most along a gradient. What is not finite counts as 0.
  /// - Parameter x: from where the step is made; nil: from anywhere.
  public func step(_ relativeLength: Double, along gradient: Tensor, from x: Tensor? = nil) -> Tensor {
    Tensor(gradient.shape) { out in
      fill(out, from: gradient)
      for i in out.indices where !out[i].isFinite { out[i] = 0 }
      let length = gradient.rowLength
      func steepen(_ points: UnsafeBufferPointer<Float>?) {
        forEachRow(of: out, length: length) { row, index in
          let point = points.map { UnsafeBufferPointer(rebasing: $0[index * length..<(index + 1) * length]) }
          norm.steepen(row, to: relativeLength * epsilon, from: point)
        }
      }
      if let x { x.elements.withUnsafeBufferPointer(steepen) } else { steepen(nil) }
    }
  }

  /// The same with a relative length for each row.
  func climb(from x: Tensor, _ relativeLengths: [Double], along gradient: Tensor, around clean: Tensor) -> Tensor {
    var step = self.step(1, along: gradient, from: x)
    var row = 0
    step.scaleRows { _ in
      defer { row += 1 }
      return relativeLengths[row]
    }
    return project(x + step, around: clean)
  }

  /// The point of this l1 ball and of [0, 1] that climbs most along a gradient: the coordinates of the largest
  /// derivatives go to their side of the box, one after the other, until the length is spent.
  func farthest(along gradient: Tensor, from clean: Tensor) -> Tensor {
    Tensor(clean.shape) { out in
      fill(out, from: clean)
      gradient.elements.withUnsafeBufferPointer { gradient in
        let length = clean.rowLength
        forEachRow(of: out, length: length) { row, index in
          let slopes = UnsafeBufferPointer(rebasing: gradient[index * length..<(index + 1) * length])
          let order = slopes.indices.filter { slopes[$0] != 0 && slopes[$0].isFinite }
            .sorted { (-abs(slopes[$0]), $0) < (-abs(slopes[$1]), $1) }
          var left = epsilon
          for i in order where left > 0 {
            let side: Float = slopes[i] > 0 ? 1 : 0, room = Double(abs(side - row[i]))
            row[i] = room <= left ? side : row[i] + Float(left) * (slopes[i] > 0 ? 1 : -1)
            left -= min(room, left)
          }
        }
      }
    }
  }

  /// Where an attack may start: as `randomPoint`, but in l2 and l1 at a length that is uniform itself. Almost all of a
  /// ball of many dimensions lies at its edge, from where fewer steps find their way back inside.
  func startPoint(around examples: Examples, _ random: NoiseAddress) -> Tensor {
    guard norm != .linf else { return randomPoint(around: examples, random) }
    var noise = examples.normals(at: random), row = 0
    noise.scaleRows {
      defer { row += 1 }
      let share = Double(examples.address(random, row).uniform(0))
      return share * epsilon / max(norm.length($0), .leastNormalMagnitude)
    }
    return project(examples.inputs + noise, around: examples.inputs)
  }

  /// A point at the edge of the ball in a random direction, then clamped to [0, 1].
  func edgePoint(around examples: Examples, _ random: NoiseAddress) -> Tensor {
    var noise = norm == .linf ? examples.uniforms(at: random).map { 2 * $0 - 1 } : examples.normals(at: random)
    noise.scaleRows { epsilon / max(norm.length($0), .leastNormalMagnitude) }
    return project(examples.inputs + noise, around: examples.inputs)
  }

  /// A point drawn uniformly from the ball around each example, then clamped to [0, 1]. An example's point depends on
  /// its identity, not on its place in the batch.
  public func randomPoint(around examples: Examples, _ random: NoiseAddress) -> Tensor {
    let clean = examples.inputs
    let noise = Tensor(clean.shape) { out in
      forEachRow(of: out, length: clean.rowLength) { row, index in
        var address = random
        address.seed = mixSeed(random.seed, examples.identities[index])
        norm.fillUniformly(row, radius: epsilon, at: address)
      }
    }
    return project(clean + noise, around: clean)
  }

  /// `project(x + step(relativeLength, along: gradient), around: clean)`.
  public func climb(from x: Tensor, _ relativeLength: Double, along gradient: Tensor, around clean: Tensor) -> Tensor {
    guard norm == .linf else {
      return project(x + step(relativeLength, along: gradient, from: x), around: clean)
    }
    let length = Float(relativeLength * epsilon), bound = Float(epsilon)
    return Tensor(writing: x.shape) { out in
      x.elements.withUnsafeBufferPointer { x in
        gradient.elements.withUnsafeBufferPointer { gradient in
          clean.elements.withUnsafeBufferPointer { clean in
            for i in out.indices {
              // A gradient that is not a number is no step.
              let step = gradient[i] > 0 ? length : gradient[i] < 0 ? -length : 0
              let difference = min(max(x[i] + step - clean[i], -bound), bound)
              out[i] = min(max(clean[i] + difference, 0), 1)
            }
          }
        }
      }
    }
  }

  /// The length of one perturbation, or nil where the point is outside, but for rounding.
  func lengthInside(_ x: Tensor, _ index: Int, around clean: Tensor, _ cleanIndex: Int) -> Double? {
    let length = norm.distance(x, index, clean, cleanIndex)
    return length <= epsilon + slack && isInput(x, index) ? length : nil
  }

  /// Which rows are in the ball and in [0, 1], but for rounding.
  public func rowsInside(_ x: Tensor, around clean: Tensor) -> [Bool] {
    guard x.shape == clean.shape else { return [Bool](repeating: false, count: x.rowCount) }
    return (0..<x.rowCount).map { lengthInside(x, $0, around: clean, $0) != nil }
  }

  private var slack: Double { 1e-6 + epsilon * 1e-5 }

  private func isInput(_ x: Tensor, _ index: Int) -> Bool {
    x.elements.withUnsafeBufferPointer { all in
      let row = UnsafeBufferPointer(rebasing: all[index * x.rowLength..<(index + 1) * x.rowLength])
      // By their bits, many at once: those of a number from 0 to 1, and their distance to those of 1, have no sign. −0
      // becomes 0.
      let one = Float(1).bitPattern
      return row.reduce(0) { $0 | ($1 + 0).bitPattern | (one &- ($1 + 0).bitPattern) } >> 31 == 0
    }
  }

  /// Whether every row of `x` lies in the ball around that of `clean`, up to rounding.
  public func contains(_ x: Tensor, around clean: Tensor) -> Bool {
    x.shape == clean.shape && rowsInside(x, around: clean).allSatisfy { $0 }
  }

  private func rowByRow(
    _ x: Tensor, _ clean: Tensor, _ change: (UnsafeMutableBufferPointer<Float>, UnsafeBufferPointer<Float>) -> Void
  ) -> Tensor {
    precondition(x.shape == clean.shape, "\(x.shape) around \(clean.shape)")
    return Tensor(x.shape) { out in
      fill(out, from: x)
      clean.elements.withUnsafeBufferPointer { clean in
        for i in out.indices {
          let difference = out[i] - clean[i]
          out[i] = difference.isFinite ? difference : 0
        }
        let length = x.rowLength
        forEachRow(of: out, length: length) { row, index in
          change(row, UnsafeBufferPointer(rebasing: clean[index * length..<(index + 1) * length]))
        }
        for i in out.indices { out[i] = min(max(clean[i] + out[i], 0), 1) }
      }
    }
  }
}

private func fill(_ out: UnsafeMutableBufferPointer<Float>, from tensor: Tensor) {
  tensor.elements.withUnsafeBufferPointer { _ = out.update(fromContentsOf: $0) }
}

/// Calls `body` with each row's elements and its index.
func forEachRow(
  of all: UnsafeMutableBufferPointer<Float>, length: Int, _ body: (UnsafeMutableBufferPointer<Float>, Int) -> Void
) {
  guard length > 0 else { return }
  for row in 0..<all.count / length {
    body(UnsafeMutableBufferPointer(rebasing: all[row * length..<(row + 1) * length]), row)
  }
}
