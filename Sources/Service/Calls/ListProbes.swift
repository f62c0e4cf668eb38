import DitherBasics
import DitherProto
import DitherRobustness
import DitherTransport

/// `Robustness/ListProbes`: what can be asked of an audit.
package struct ListProbesCall: UnaryCall {
  package static let method = Dither_V1_Robustness.listProbes
  package static let policy = CallPolicy(role: .audit)

  package init(_ services: Services) {}

  package func answer(_ request: Dither_V1_ListProbesRequest, _ caller: Caller) -> Dither_V1_ListProbesResponse {
    var response = Dither_V1_ListProbesResponse()
    response.probes = Catalog<ProbeKind>.probes.entries.map { kind in
      var probe = Dither_V1_ProbeDescription()
      probe.name = kind.name
      probe.summary = kind.summary
      probe.parameters = kind.defaults.mapValues(\.description)
      return probe
    }
    response.batteries = Catalog<Battery>.batteries.names
    return response
  }
}
