import DitherBasics
import DitherDatasets
import Testing

/// Expects an error with its code, place and words.
func expectFault(
  _ code: DatasetFault, says words: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  #expect(
    sourceLocation: sourceLocation, performing: body,
    throws: { error in
      guard let fault = error as? DatasetError else { return false }
      return fault.code == code && !fault.place.isEmpty && !fault.got.isEmpty && fault.description.contains(words)
    })
}
