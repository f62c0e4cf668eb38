import DitherBasics
import DitherTensor

/// Inputs and targets as NumPy's arrays: what `.npz` files and pairs of `.npy` files have in common.
struct Arrays {
  var inputs: Npy
  var targets: Npy
  /// The arrays' names, for messages.
  var names: (inputs: String, targets: String)
  /// In place of `inputs`, where there are several: by the names that models have for them.
  var named: [(name: String, array: Npy)] = []

  /// Rows chosen of them; nil: all, in their order.
  func dataset(
    _ rows: [Int]?, name: String, _ task: TargetKind?, classes: Int?, _ axes: PictureAxes?
  ) throws(DatasetError) -> Dataset {
    if axes != nil, let first = named.first {
      throw DatasetError(
        .unsupported, at: "\(name), axes", expected: "one array of pictures",
        got: "inputs by name, of which '\(first.name.clipped())' is the first",
        advice: "leave axes out: named inputs are taken as they lie")
    }
    let layout = try layout(), count = (named.first?.array ?? inputs).shape.dimensions.first ?? 0
    let inputs = try layout == nil ? inputTensor(axes ?? .chw) : RowLayout.joining(named.map { Self.numbers($0.array) })
    guard targets.shape.rank > 0, targets.shape[0] == count else {
      throw DatasetError(
        .malformed, at: "\(name), \(names.targets)", expected: "a target for each of \(count) inputs",
        got: "\(targets.shape)")
    }
    let found = try targetValues(name, task, classes: classes)
    var set = Dataset(name: name, inputs: inputs, targets: found.targets, targetNames: found.names)
    set.layout = layout
    let arrays = layout == nil ? [self.inputs] : named.map(\.array)
    set.byteInputs = Set(arrays.indices.filter { if case .uint8 = arrays[$0].content { true } else { false } })
    return rows.map { set.rows($0) } ?? set
  }

  /// How several named arrays lie in a row; nil: there are none.
  private func layout() throws(DatasetError) -> RowLayout? {
    guard let count = named.first?.array.shape.dimensions.first else { return nil }
    return RowLayout(
      try named.map { name, array throws(DatasetError) -> RowLayout.Part in
        guard array.shape.dimensions.first == count, array.shape.count > 0 else {
          throw DatasetError(
            .malformed, at: name, expected: "an array of \(count) rows, as '\(named[0].name)' has",
            got: "\(array.shape)")
        }
        // Whole numbers are exact in a row up to 2²⁴.
        if let large = array.numbers.firstIndex(where: { abs($0) > 16_777_216 && $0.rounded() == $0 }) {
          guard array.isWhole else { return RowLayout.Part(name: name, shape: array.shape.row) }
          throw DatasetError(
            .malformed, at: "\(name), element \(large)", expected: "whole numbers of at most 2^24",
            got: "\(array.numbers[large])")
        }
        return RowLayout.Part(name: name, shape: array.shape.row)
      })
  }

  /// Bytes are pixels.
  private static func numbers(_ array: Npy) -> Tensor {
    if case .uint8(let bytes) = array.content { return Tensor(pixels: bytes, array.shape) }
    return array.tensor
  }

  /// Bytes are pixels; pictures have their channels where `axes` says, whichever way they came.
  private func inputTensor(_ axes: PictureAxes) throws(DatasetError) -> Tensor {
    let shape = inputs.shape
    guard shape.rank >= 2, shape.count > 0 else {
      throw DatasetError(
        .malformed, at: names.inputs, expected: "[N, features], [N, H, W], [N, C, H, W] or [N, H, W, C]",
        got: "\(shape)")
    }
    var tensor = inputs.tensor
    if case .uint8(let bytes) = inputs.content { tensor = Tensor(pixels: bytes, shape) }
    if shape.rank == 3 {
      let (n, h, w) = (shape[0], shape[1], shape[2])
      return tensor.reshaped(axes == .chw ? [n, 1, h, w] : [n, h, w, 1])
    }
    guard shape.rank == 4 else { return tensor }
    let isFirst = [1, 3].contains(shape[1]), isLast = !isFirst && [1, 3].contains(shape[3])
    let (n, a, b, c) = (shape[0], shape[1], shape[2], shape[3])
    switch axes {
    case .chw where isLast: return tensor.turned(inner: c, to: [n, c, a, b])
    case .hwc where isFirst: return tensor.turned(inner: b * c, to: [n, b, c, a])
    case .chw, .hwc: return tensor
    }
  }

  /// The highest class number and one; 0 where targets are values.
  func classes(_ task: TargetKind?) -> Int {
    guard isClasses(task) else { return 0 }
    return Int(min(max((targets.numbers.max() ?? 0) + 1, 0), 1e9))
  }

  /// Whole-number types are class numbers; floats are values.
  private func isClasses(_ task: TargetKind?) -> Bool {
    if let task { return task == .classification }
    switch targets.content {
    case .float32, .float64: return false
    default: return targets.shape.count == targets.shape[0]
    }
  }

  private func targetValues(
    _ name: String, _ task: TargetKind?, classes: Int?
  ) throws(DatasetError) -> (targets: Targets, names: [String]) {
    let place = "\(name), \(names.targets)", width = targets.shape.count / max(targets.shape[0], 1)
    let numbers = targets.numbers
    if let row = numbers.firstIndex(where: { !$0.isFinite }) {
      throw DatasetError(
        .malformed, at: "\(place), row \(row / max(width, 1))", expected: "a finite number", got: "\(numbers[row])")
    }
    guard isClasses(task) else {
      guard (1...1024).contains(width) else {
        throw DatasetError(.malformed, at: place, expected: "1 to 1024 values a row", got: "\(width)")
      }
      return (
        .values(Tensor([targets.shape[0], width], numbers.map { Float($0) })),
        width == 1 ? [names.targets] : (1...width).map { "\(names.targets) \($0)" }
      )
    }
    guard width == 1 else {
      throw DatasetError(
        .malformed, at: place, expected: "a class number for each row", got: "\(targets.shape)",
        advice: "save y.argmax(1) of one-hot rows")
    }
    let top = classes ?? self.classes(task)
    guard (2...TableFile.mostClasses).contains(top) else {
      throw DatasetError(
        .malformed, at: place, expected: "2 to \(TableFile.mostClasses) classes, numbered from 0", got: "\(top)",
        advice: "say ?task=regression where they are values")
    }
    if let row = numbers.firstIndex(where: { $0.rounded() != $0 || $0 < 0 || $0 >= Double(top) }) {
      throw DatasetError(
        .malformed, at: "\(place), row \(row)", expected: "a class number from 0", got: "\(numbers[row])",
        advice: "say ?task=regression where they are values")
    }
    return (.classes(numbers.map { Int($0) }, count: top), (0..<top).map { "\($0)" })
  }
}

extension Tensor {
  /// Each row as a matrix with `inner` columns, transposed.
  fileprivate func turned(inner columns: Int, to turned: Shape) -> Tensor {
    let size = turned.row.count, lines = size / max(columns, 1)
    return Tensor(turned) { out in
      for row in 0..<turned[0] {
        for column in 0..<columns {
          let from = row * size + column, to = row * size + column * lines
          for line in 0..<lines { out[to + line] = elements[from + line * columns] }
        }
      }
    }
  }
}
