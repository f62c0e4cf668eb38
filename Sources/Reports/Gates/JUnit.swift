import DitherRobustness

extension Report {
  /// Its gates as a suite of tests, as programs of continuous integration read it: a case for each, a failure for each
  /// that is not kept. Source: the JUnit schema of Jenkins' xUnit plugin (junit-10.xsd).
  public func junit() -> String {
    let gates = self.gates ?? [], failed = gates.count { !$0.passed }
    let subject = version.map { "\(model)@\($0)" } ?? model
    let cases = gates.map { gate -> Html in
      let failure: Html? =
        gate.passed ? nil : "<failure type=\"gate\" message=\"\(gate.message)\">\(gate.message)</failure>"
      return "<testcase classname=\"\(subject)\" name=\"\(gate.gate)\" time=\"0\">\(failure)</testcase>\n"
    }
    let facts = [
      ("model", digest), ("data", data), ("data_digest", dataDigest), ("examples", "\(n)"), ("seed", "\(seed)"),
    ]
    let properties = facts.map { "<property name=\"\($0.0)\" value=\"\($0.1)\"/>" as Html }
    let words = Verdict(self).rows.map { "\($0.name): \($0.value) \($0.range) \($0.note)" }.joined(separator: "\n")
    let text: Html = """
      <?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="dither audit" tests="\(gates.count)" failures="\(failed)">
      <testsuite name="gates of \(subject)" tests="\(gates.count)" failures="\(failed)" errors="0" skipped="0" time="0">
      <properties>\(properties)</properties>
      \(cases)<system-out>\(words)</system-out>
      </testsuite>
      </testsuites>

      """
    return text.source
  }
}
