import DitherBasics
import DitherGraph
import DitherTensor

/// The output of a graph that is its answer, what it answers, and how that was found.
struct TaskOutput {
  let output: GraphOutput
  let task: ModelTask
  /// Numbers of a row of the output: of a binary task one score, or two logits.
  let width: Int
  /// The kind of the output's numbers, where the file or its nodes tell; nil: neither does.
  let kind: OutputKind?
  /// By what the kind was told.
  let kindBasis: OutputKindBasis
  /// How the task was told, for the owner of the model.
  let basis: TaskBasis

  /// The numbers of rows that a graph is tried for: an output may fit one by chance.
  private static let triedRows = [1, 2, 3, 7]

  /// - Throws: when no output has the form of the task.
  init(of graph: Graph) throws(InferenceError) {
    var types: [(rows: Int, types: [TensorType?])] = []
    for rows in ModelSignature.isRowByRow(graph) ? [1] : Self.triedRows {
      do { types.append((rows, try graph.types(rows: rows))) } catch {
        throw Self.refuse(graph, "a graph that can be planned for \(rows) rows", "\(error)")
      }
    }
    let name = try Self.word(ModelSignature.taskKey, of: graph, among: ModelTask.names)
    let said = try Self.word(ModelSignature.outputKindKey, of: graph, among: OutputKind.allCases.map(\.rawValue))
    let chosen = try Self.word(Graph.outputKey, of: graph, among: graph.outputs.map(\.name))
    let outputs = graph.outputs.filter { chosen == nil || $0.name == chosen }
    let found = outputs.compactMap { output in Self.width(of: output, types).map { (output, $0) } }
    guard let (output, width) = Self.pick(found, for: name) else {
      throw Self.refuse(
        graph, "a float output of \(Self.form(of: name)) for any number of rows",
        types.prefix(2).map { rows, types in
          let outputs = outputs.map { types[$0.value.index].map { "\($0)" } ?? "none" }
          return "\(outputs.joined(separator: ", ")) for \(rows)"
        }.joined(separator: ", "))
    }
    let seen: OutputKind?
    do { seen = try graph.outputKind(of: output.value) } catch {
      throw Self.refuse(graph, "a graph that can be planned", "\(error)")
    }
    let told = said.flatMap(OutputKind.init(rawValue:)) ?? seen
    kindBasis = told == nil ? .assumed : told == seen ? .nodes : .metadata
    (self.output, self.width) = (output, width)
    // One number that is known to be of a class is a class's.
    let isScore = width == 1 && (told == .probabilities || said != nil)
    task =
      switch name {
      case "binary": .binary
      case "regression": .regression(width: width)
      case "gaussian_regression": .gaussian(width: width / 2)
      default: width > 1 ? .classification(classes: width) : isScore ? .binary : .regression(width: 1)
      }
    basis = name != nil ? .metadata : width > 1 ? .columns : isScore ? (said == nil ? .sigmoid : .outputKind) : .number
    kind = task.isRegression ? .logits : told
    if task.isRegression, let said, said != OutputKind.logits.rawValue {
      throw Self.refuse(
        graph, "values, as '\(ModelSignature.taskKey)' is \(task.name)",
        "'\(said)' in '\(ModelSignature.outputKindKey)'")
    }
  }

  /// One of a list of words in the graph's metadata; nil where it has none.
  private static func word(_ key: String, of graph: Graph, among known: [String]) throws(InferenceError) -> String? {
    guard let word = graph.metadata[key] else { return nil }
    guard known.contains(word) else {
      throw InferenceError(
        .notAModel, at: "metadata '\(key)'", expected: "one of \(known.joined(separator: ", "))",
        got: "'\(word.clipped())'", advice: nearest(to: word, among: known).map { "did you mean '\($0)'?" })
    }
    return word
  }

  /// Numbers of a row, the same for every number of rows; nil of an output that is no list of floats a row.
  private static func width(of output: GraphOutput, _ types: [(rows: Int, types: [TensorType?])]) -> Int? {
    var width: Int?
    for (rows, types) in types {
      guard let type = types[output.value.index], type.element == .float32 else { return nil }
      // The axis of one row may have been squeezed away.
      let first = type.shape.dimensions.first, lacksRows = rows == 1 && type.shape.rank < 2 && first != 1
      guard lacksRows || first == rows else { return nil }
      // Images of one pixel are lists as well.
      let found = lacksRows ? type.shape.count : type.shape.rank == 1 ? 1 : type.shape[1]
      guard found > 0, type.shape.dimensions.dropFirst(2).allSatisfy({ $0 == 1 }), found == width ?? found else {
        return nil
      }
      width = found
    }
    return width
  }

  private static func pick(_ found: [(GraphOutput, Int)], for task: String?) -> (GraphOutput, Int)? {
    let several = found.filter { $0.1 >= 2 }, one = found.filter { $0.1 == 1 }
    // Exporters of classical models put the label out first, and name the probabilities.
    let classes = several.first { $0.0.name.lowercased().contains("probabilit") } ?? several.first
    return switch task {
    case "classification": classes
    case "binary": one.first ?? several.first { $0.1 == 2 }
    case "regression": found.first
    case "gaussian_regression": found.first { $0.1 % 2 == 0 }
    default: classes ?? one.first
    }
  }

  private static func form(of task: String?) -> String {
    switch task {
    case "classification": "shape [batch, classes ≥ 2]"
    case "binary": "shape [batch, 1] or [batch]"
    case "regression": "shape [batch, values]"
    case "gaussian_regression": "shape [batch, 2 × values], means and log-variances,"
    default: "shape [batch, classes], or of one score or value a row,"
    }
  }

  private static func refuse(_ graph: Graph, _ expected: String, _ got: String) -> InferenceError {
    InferenceError(.notAModel, at: "model '\(graph.name.clipped())'", expected: expected, got: got)
  }
}

/// By what the kind of a classifier's outputs was told.
public enum OutputKindBasis: Sendable {
  /// Its nodes make what they put out so.
  case nodes
  /// The file says it, in `dither.output_kind`, and its nodes do not.
  case metadata
  /// A trial: outputs of several inputs look like it.
  case trial
  /// Nothing: they are taken for logits.
  case assumed

  /// In words, and how to say otherwise.
  public var note: String {
    switch self {
    case .nodes: "its nodes make them so"
    case .metadata: "the file says it"
    case .trial: "its answers to a trial look so; say otherwise by --output-kind at the upload"
    case .assumed: "nothing says otherwise; say so by --output-kind at the upload"
    }
  }
}

/// By what a model's task was told.
public enum TaskBasis: String, Sendable, Codable, CaseIterable {
  /// The file says it, in `dither.task`.
  case metadata
  /// Several numbers a row are taken for classes.
  case columns
  /// One number a row that comes from a sigmoid is taken for the probability of the second of two classes.
  case sigmoid
  /// One number a row of which the file says, in `dither.output_kind`, that it is a logit or a probability.
  case outputKind = "output_kind"
  /// One number a row that comes from no sigmoid is taken for a value.
  case number

  /// In words: the task that was taken, and how to say otherwise; nil where the file said it.
  public var note: String? {
    let other = "\(ModelSignature.taskKey) in its metadata, or --task at its upload, says otherwise"
    return switch self {
    case .metadata: nil
    case .columns: "taken for classes, as it has several numbers a row; \(other)"
    case .sigmoid: "taken for the probability of the second of two classes, as it ends in a sigmoid; \(other)"
    case .outputKind: "taken for the second of two classes, as its output kind is said; \(other)"
    case .number: "taken for a value, as it is one number a row behind no sigmoid; \(other)"
    }
  }
}
