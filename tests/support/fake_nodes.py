"""Nodes that Ray's autoscaler starts and ends as processes of this machine; Ray imports this file where the autoscaler runs."""

from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider


class FakeNodes(FakeMultiNodeProvider):
    """Ray's provider of such nodes, for types of nodes that have `memory`: Ray refuses it as a custom resource.

    The autoscaler counts with the memory of the type, and the node finds that of the machine, as real ones do.
    """

    def create_node_with_resources_and_labels(self, node_config, tags, count, resources, labels):
        """Start the nodes."""
        others = {name: amount for name, amount in resources.items() if name != "memory"}
        super().create_node_with_resources_and_labels(node_config, tags, count, others, labels)
