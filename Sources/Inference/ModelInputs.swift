import DitherBasics
import DitherGraph
import DitherTensor

/// Inputs of any number and element type as rows of numbers, and those as what a plan reads.
extension ModelSignature {
  /// Whole numbers are exact in a row up to this.
  public static let mostWhole = 1 << 24
  /// How many inputs a model may have.
  static let mostInputs = 64

  /// The inputs of a graph.
  /// - Throws: when there are too many, or one has no batch axis or no elements.
  static func inputs(of graph: Graph) throws(InferenceError) -> [Input] {
    func refuse(_ input: GraphInput, _ expected: String, _ got: String) -> InferenceError {
      InferenceError(
        .notAModel, at: "model '\(graph.name.clipped())', input '\(input.name.clipped())'", expected: expected, got: got
      )
    }
    guard (1...mostInputs).contains(graph.inputs.count) else {
      throw InferenceError(
        .notAModel, at: "model '\(graph.name.clipped())'", expected: "1 to \(mostInputs) inputs",
        got: "\(graph.inputs.count)")
    }
    let isRowByRow = isRowByRow(graph)
    return try graph.inputs.map { input throws(InferenceError) -> Input in
      guard isRowByRow || input.dimensions.first == .some(nil), input.dimensions.dropFirst().allSatisfy({ $0 != nil })
      else {
        throw refuse(
          input, "an input whose first axis is the batch",
          "[\(input.dimensions.map { $0.map(String.init) ?? "batch" }.joined(separator: ", "))]")
      }
      guard input.shape(rows: 1).count > 0 else {
        throw refuse(input, "an input with elements", "\(input.shape(rows: 1))")
      }
      return Input(
        name: input.name, element: input.element, shape: Shape(input.dimensions.dropFirst().compactMap { $0 }),
        free: Dictionary(uniqueKeysWithValues: input.free.map { ($0.key - 1, $0.value) }))
    }
  }

  /// Whether a graph takes one row at a time: its file has a batch of one, which was not shown to be any batch.
  static func isRowByRow(_ graph: Graph) -> Bool {
    !graph.inputs.isEmpty && graph.inputs.allSatisfy { $0.dimensions.first == .some(1) }
  }

  /// The inputs in words: its shape where there is one of floats.
  public var takes: String {
    if takesOneFloat { return inputs[0].words }
    return hasFreeAxes
      ? inputs.map { "\($0.name) \($0.words)" }.joined(separator: ", ").clipped() : "\(layout)".clipped()
  }

  /// Rows of named inputs in the order in which the model takes them.
  /// - Parameters:
  ///   - rows: [N, …].
  ///   - given: how they lie in a row; nil: as the model takes them.
  /// - Throws: where they are other inputs.
  public func arranged(_ rows: Tensor, as given: RowLayout?) throws(InferenceError) -> Tensor {
    guard let given else { return rows }
    // One input may have any name.
    if given.parts.count == 1, inputs.count == 1 { return given.rows(of: 0, in: rows) }
    guard let found = given.arranged(rows, as: layout) else {
      throw InferenceError(
        .inputShape, at: "inputs", expected: "\(layout)".clipped(to: 300), got: "\(given)".clipped(to: 300))
    }
    return found
  }

  /// Columns of a row that hold floats: what noise on inputs and attacks may change.
  public var floatColumns: [Range<Int>] {
    zip(inputs, layout.columns).filter { $0.0.element == .float32 }.map(\.1)
  }

  /// Columns of a row that are integers or truth values.
  public var integerColumns: [Int] {
    zip(inputs, layout.columns).filter { $0.0.element != .float32 }.flatMap { Array($0.1) }
  }

  /// Where a number of rows lies, for messages.
  func place(of index: Int, in rows: Tensor) -> (place: String, element: Int) {
    let row = index / rows.rowLength, column = index % rows.rowLength
    guard inputs.count > 1, let found = layout.place(of: column) else {
      return ("input '\(inputName.clipped())', row \(row)", column)
    }
    return ("input '\(found.part.name.clipped())', row \(row)", found.number)
  }

  /// - Throws: where an integer input has no whole number of at most ``mostWhole``, or a boolean one not 0 or 1.
  func checkWhole(_ rows: Tensor) throws(InferenceError) {
    for (input, columns) in zip(inputs, layout.columns) where input.element != .float32 {
      guard let index = Self.fraction(in: rows, columns, isBool: input.element == .bool) else { continue }
      let (place, element) = place(of: index, in: rows)
      throw InferenceError(
        .notWhole, at: place,
        expected: input.element == .bool ? "0 or 1" : "whole numbers from \(-Self.mostWhole) to \(Self.mostWhole)",
        got: "\(rows.elements[index]) at element \(element)")
    }
  }

  /// The first number of some columns that is not whole and exact, or neither 0 nor 1.
  private static func fraction(in rows: Tensor, _ columns: Range<Int>, isBool: Bool) -> Int? {
    let length = rows.rowLength, most = Float(mostWhole)
    return rows.elements.withUnsafeBufferPointer { all in
      for row in 0..<rows.rowCount {
        for index in row * length + columns.lowerBound..<row * length + columns.upperBound {
          let value = all[index]
          if isBool ? value != 0 && value != 1 : value != value.rounded() || abs(value) > most { return index }
        }
      }
      return nil
    }
  }

  /// Writes rows to a plan's inputs, from its first place on.
  /// - Parameters:
  ///   - rows: [N, …], checked.
  ///   - memory: of the plan's inputs, for as many rows.
  func load(_ rows: Tensor, _ chosen: some Sequence<Int>, into memory: [UnsafeMutableRawBufferPointer]) {
    let length = rows.rowLength
    rows.elements.withUnsafeBufferPointer { from in
      guard !takesOneFloat else {
        let to = memory[0].bindMemory(to: Float.self)
        for (at, row) in chosen.enumerated() {
          let source = UnsafeBufferPointer(rebasing: from[row * length..<(row + 1) * length])
          _ = UnsafeMutableBufferPointer(rebasing: to[(at * length)...]).update(fromContentsOf: source)
        }
        return
      }
      for (number, (input, columns)) in zip(inputs, layout.columns).enumerated() {
        for (at, row) in chosen.enumerated() {
          let start = row * length
          let source = UnsafeBufferPointer(rebasing: from[start + columns.lowerBound..<start + columns.upperBound])
          Self.write(source, as: input.element, to: memory[number], at: at * columns.count)
        }
      }
    }
  }

  private static func write(
    _ source: UnsafeBufferPointer<Float>, as element: ElementType, to memory: UnsafeMutableRawBufferPointer,
    at first: Int
  ) {
    switch element {
    case .float32:
      let to = memory.bindMemory(to: Float.self)
      _ = UnsafeMutableBufferPointer(rebasing: to[first...]).update(fromContentsOf: source)
    case .int64:
      let to = memory.bindMemory(to: Int64.self)
      // Rows are checked; those of another model may not be.
      for i in source.indices { to[first + i] = Int64(exactly: source[i].rounded(.towardZero)) ?? 0 }
    case .bool:
      for i in source.indices { memory[first + i] = source[i] != 0 ? 1 : 0 }
    }
  }

  /// Whether a plan's inputs have so many rows of this model.
  func fits(_ memory: [UnsafeMutableRawBufferPointer], rows: Int) -> Bool {
    memory.count == inputs.count
      && zip(memory, inputs).allSatisfy { $0.count == rows * $1.shape.count * $1.element.byteCount }
  }

  /// Numbers that a model is tried with as its inputs take them: of integers and truth values 1 from 0.5 on, else 0,
  /// which every vocabulary and every mask has.
  public func trialRows(_ numbers: Tensor) -> Tensor {
    guard !takesOneFloat else { return numbers }
    var rows = numbers
    let length = rows.rowLength
    for (input, columns) in zip(inputs, layout.columns) where input.element != .float32 {
      for start in stride(from: 0, to: rows.count, by: max(length, 1)) {
        for index in start + columns.lowerBound..<start + columns.upperBound {
          rows.elements[index] = rows.elements[index] >= 0.5 ? 1 : 0
        }
      }
    }
    return rows
  }

  /// - Throws: where the model takes anything but one float input.
  public func checkOneFloat(for what: String) throws(InferenceError) {
    guard !takesOneFloat else { return }
    throw InferenceError(
      .inputShape, at: what, expected: "a model of one float input",
      got: inputs.map { "\($0.name) (\($0.element))" }.joined(separator: ", ").clipped())
  }
}
