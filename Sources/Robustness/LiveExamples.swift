import DitherTensor

/// The examples that an attack still works on, with their present points: those that are broken are dropped on the way,
/// and all are put together again at the end.
struct LiveExamples {
  private(set) var examples: Examples
  /// [live, …]: where the attack stands.
  var x: Tensor
  private var everything: Tensor
  private var places: [Int]

  /// - Parameter start: where the attack starts; nil: at the inputs.
  init(_ examples: Examples, from start: Tensor? = nil) {
    self.examples = examples
    x = start ?? examples.inputs
    everything = x
    places = Array(0..<examples.count)
  }

  var count: Int { places.count }
  var isEmpty: Bool { places.isEmpty }
  var clean: Tensor { examples.inputs }

  /// - Returns: which of the rows are left, for what else an attack keeps of them; nil where all are.
  mutating func drop(_ oracle: some Oracle) -> [Int]? {
    let open = oracle.open(examples)
    guard open.count < count else { return nil }
    for row in Set(0..<count).subtracting(open) { save(row) }
    places = open.map { places[$0] }
    examples = examples.rows(at: open)
    x = x.rows(at: open)
    return open
  }

  private mutating func save(_ row: Int) { everything.replaceRow(places[row], with: x.row(row)) }

  /// [B, …]: every example's last point.
  var all: Tensor {
    var result = self
    for row in 0..<count { result.save(row) }
    return result.everything
  }
}

extension Examples {
  /// [B, …]: standard normals; an example's depend on its identity, not on its place.
  func normals(at random: NoiseAddress) -> Tensor { fill(random) { $0.normals($1) } }

  /// [B, …]: uniform on (0, 1), likewise.
  func uniforms(at random: NoiseAddress) -> Tensor { fill(random) { $0.uniforms($1) } }

  /// An example's own address.
  func address(_ random: NoiseAddress, _ index: Int) -> NoiseAddress {
    NoiseAddress(seed: mixSeed(random.seed, identities[index]), site: random.site, sample: random.sample)
  }

  private func fill(
    _ random: NoiseAddress, _ body: (NoiseAddress, UnsafeMutableBufferPointer<Float>) -> Void
  ) -> Tensor {
    Tensor(inputs.shape) { out in
      forEachRow(of: out, length: inputs.rowLength) { row, index in body(address(random, index), row) }
    }
  }
}

extension Tensor {
  /// Multiplies each row by a number that follows from it.
  mutating func scaleRows(_ factor: (UnsafeBufferPointer<Float>) -> Double) {
    let length = rowLength
    elements.withUnsafeMutableBufferPointer { all in
      forEachRow(of: all, length: length) { row, _ in
        let by = factor(UnsafeBufferPointer(row))
        for i in row.indices { row[i] = Float(Double(row[i]) * by) }
      }
    }
  }
}
