import DitherInference
import DitherTensor

/// Models and examples as probes see them: as they are, or for attacks on models of words by the words' embeddings.
struct AuditView: Sendable {
  var subjects: [AuditSubject]
  var data: AuditData

  /// Bytes of embeddings that are made of the examples, at most.
  static let mostBytes = 256 << 20

  init(_ subjects: [AuditSubject], _ data: AuditData) {
    (self.subjects, self.data) = (subjects, data)
  }

  /// The same by embeddings, each between the least and the largest of its column in the table. All models must have
  /// one table: a point between words is another in each.
  /// - Returns: nil where models take floats, have no table of words or several, or are ensembles, and where there are
  ///   too many examples.
  init?(embedding view: AuditView) throws {
    var found: [EmbeddedModel] = []
    for subject in view.subjects {
      guard subject.members.isEmpty, let embedded = try EmbeddedModel(subject.model) else { return nil }
      found.append(embedded)
    }
    let rows = view.data.inputs.rowCount
    guard let first = found.first, found.allSatisfy({ $0.table == first.table }),
      found.allSatisfy({ $0.model.signature.layout == first.model.signature.layout }),
      rows * first.model.signature.layout.width * 4 <= Self.mostBytes
    else { return nil }
    subjects = zip(view.subjects, found).map { subject, embedded in
      var subject = subject
      subject.model = embedded.model
      return subject
    }
    data = view.data
    let shape = Shape([rows] + view.subjects[0].model.signature.inputShape.dimensions)
    data.inputs = first.embedded(view.data.inputs.reshaped(shape))
    data.layout = nil
    data.features = Self.bounds(of: first, data.inputs)
    data = try data.checked(for: subjects, count: rows)
  }

  /// How models of words are attacked, for the reader.
  var said: Check {
    Check(
      check: "features", probe: "data", passed: true,
      message:
        "A model of words: attacks move their embeddings, \(data.features?.free.count ?? 0) numbers of an example, each between the "
        + "least and the largest of its column in the table, and leave all other inputs. Epsilon is a share of that range. "
        + "Points between words are no words.")
  }

  /// The table's of embeddings, the examples' of all others.
  private static func bounds(of embedded: EmbeddedModel, _ inputs: Tensor) -> Features {
    var bounds = Features(of: inputs)
    let table = embedded.table, length = table.rowLength
    var low = [Float](repeating: .infinity, count: length), high = [Float](repeating: -.infinity, count: length)
    for row in 0..<table.rowCount {
      for (i, value) in table.row(row).enumerated() { (low[i], high[i]) = (min(low[i], value), max(high[i], value)) }
    }
    for (at, column) in embedded.columns.enumerated() {
      (bounds.low[column], bounds.high[column]) = (low[at % length], high[at % length])
    }
    bounds.fixed = []
    return bounds
  }
}
