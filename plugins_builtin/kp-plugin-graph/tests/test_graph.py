import bz2
import gzip
import json
import pickle
import re

import networkx as nx
import pytest
from kp_plugin_graph.config import GraphConfig
from kp_plugin_graph.provider import GraphProvider
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Context, Entity, Triple
from kpframework.kb.store import build_store

BOMB = (
    '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + "]>"
)
WRITERS = {"graphml": nx.write_graphml, "gexf": nx.write_gexf}


@pytest.fixture
def graph():
    graph = nx.MultiDiGraph()
    graph.add_node("n1", title="Aspirin", synonyms="ASA | acetylsalicylic acid", kind="drug")
    graph.add_node("n2", title="fever", about="Too hot.", same="UMLS:C0015967")
    graph.add_node("n3")
    graph.add_edge("n1", "n2", predicate="treats")
    graph.add_edge("n1", "n2", predicate="studied for")
    graph.add_edge("n3", "n1")
    return graph


OPTIONS = {
    "name": ["title"],
    "aliases": ["synonyms"],
    "types": ["kind"],
    "description": ["about"],
    "xrefs": ["same"],
    "relation": ["predicate"],
}
ENTITIES = [
    Entity("n1", "Aspirin", ("ASA", "acetylsalicylic acid"), types=("drug",)),
    Entity("n2", "fever", description="Too hot.", xrefs=("UMLS:C0015967",)),
    Entity("n3"),
]
TRIPLES = [
    Triple("n1", "studied for", "n2"),
    Triple("n1", "treats", "n2"),
    Triple("n3", "related_to", "n1"),
]


@pytest.fixture
def read(tmp_path):
    def make(content, file="kb.graphml", **options):
        path = tmp_path / file
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return GraphProvider(GraphConfig(path=str(path), **options), Context())

    return make


def written(graph, layout, path):
    if layout == "node-link":
        return json.dumps(nx.node_link_data(graph, edges="links")).encode()
    WRITERS[layout](graph, path)
    return path.read_bytes()


def error(provider):
    with pytest.raises(KpError) as caught:
        list(provider.entities()), list(provider.triples())
    return caught.value.problems[0]


@pytest.mark.parametrize("layout", ["graphml", "gexf", "node-link"])
def test_every_format_gives_the_same_entities_and_triples(read, graph, layout, tmp_path):
    provider = read(written(graph, layout, tmp_path / "written"), "kb", format=layout, **OPTIONS)
    assert list(provider.entities()) == ENTITIES
    assert sorted(provider.triples(), key=str) == TRIPLES
    assert provider.metadata()["edges_without_relation"] == "1"


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, "gz"), (bz2.compress, "bz2")])
def test_packed_files_read_the_same_and_truncated_ones_are_errors(
    read, graph, tmp_path, pack, suffix
):
    packed = pack(written(graph, "graphml", tmp_path / "written"))
    assert list(read(packed, f"kb.graphml.{suffix}", **OPTIONS).entities()) == ENTITIES
    assert error(read(packed[:-20], f"cut.graphml.{suffix}")).code == "KP438"


def test_lists_of_json_are_several_values_and_a_separator_can_be_chosen(read):
    nodes = [{"id": 1, "name": ["a|b", "c"], "aliases": ["d", "e;f"], "types": ["x", "x"]}]
    graph = json.dumps({"nodes": nodes, "edges": [], "directed": True})
    (own,) = read(graph, "kb.json", separator=";").entities()
    assert own == Entity("1", "a|b", ("d", "e", "f"), types=("x",))


def test_edges_of_an_undirected_graph_go_both_ways_or_as_written(read, tmp_path):
    undirected = nx.Graph([("a", "b"), ("c", "c")])
    content = written(undirected, "graphml", tmp_path / "written")
    ends = {(t.head, t.tail) for t in read(content).triples()}
    assert ends == {("a", "b"), ("b", "a"), ("c", "c")}
    ends = {(t.head, t.tail) for t in read(content, undirected="as-written").triples()}
    assert ends == {("a", "b"), ("c", "c")}


def test_an_edges_own_key_can_be_its_relation(read, graph, tmp_path):
    keyed = nx.MultiDiGraph([("a", "b", "near"), ("a", "b", "far")])
    content = written(keyed, "graphml", tmp_path / "written")
    assert {t.relation for t in read(content, relation=["key"]).triples()} == {"near", "far"}
    assert {t.relation for t in read(content).triples()} == {"related_to"}


def test_an_edge_list_has_ends_relations_or_attributes(read):
    lines = "# heads\na b\na c has part\n\nb c {'relation': 'near', 'w': 1}\n"
    provider = read(lines, "kb.edgelist")
    found = [(t.head, t.relation, t.tail) for t in provider.triples()]
    assert found == [("a", "related_to", "b"), ("a", "has part", "c"), ("b", "near", "c")]
    assert [e.id for e in provider.entities()] == ["a", "b", "c"]
    commas = read("x y, z\n", "kb.edges", delimiter=",")
    assert [(t.head, t.tail) for t in commas.triples()] == [("x y", "z")]


@pytest.mark.parametrize(
    "line", ["a", "a b {'x': ", "a b {1: 2}", "a b {__import__('os')}", "a b {'x'}"]
)
def test_a_malformed_line_of_an_edge_list_is_an_error_with_its_number(read, line):
    problem = error(read(f"a b\n{line}\n", "kb.edgelist"))
    assert problem.code == "KP437"
    assert problem.where.endswith("kb.edgelist:2")


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("kb.graphml", "<graphml>\n<node\n", r"kb\.graphml:2"),
        ("kb.graphml", "<html/>", r"kb\.graphml"),
        ("kb.gexf", "<gexf version='9'/>", r"kb\.gexf"),
        ("kb.json", '{"nodes": [\n]', r"kb\.json:2:2"),
        ("kb.json", "[]", r"kb\.json"),
        ("kb.json", '{"nodes": [{"id": 1}]}', r"kb\.json"),
        ("kb.json", '{"nodes": [{"id": 1}, {"id": 1}], "edges": []}', r"kb\.json"),
        ("kb.json", '{"nodes": [{"name": 1}], "edges": []}', r"kb\.json"),
        ("kb.json", '{"nodes": [{"id": 1}], "edges": [{"source": 1, "target": 2}]}', r"kb\.json"),
        ("kb.json", '{"nodes": [{"id": 1}, {"id": "1"}], "edges": []}', r"kb\.json"),
        ("kb.json", b'\n"\xff"', r"kb\.json:2"),
        ("kb.json", '{"nodes": [], "nodes": []}', r"kb\.json"),
    ],
)
def test_what_is_no_graph_is_an_error_with_its_place(read, name, content, where):
    problem = error(read(content, name))
    assert problem.code == "KP437"
    assert re.search(f"{where}$", problem.where)


def test_xml_entities_that_could_fill_the_memory_are_refused(read, graph, tmp_path):
    text = written(graph, "graphml", tmp_path / "written").decode()
    declaration, body = text.split("\n", 1)
    assert error(read(f"{declaration}{BOMB}{body.replace('Aspirin', '&j;')}")).code == "KP437"


@pytest.mark.parametrize("option", ["name", "aliases", "types", "description", "xrefs", "relation"])
def test_an_attribute_that_nothing_has_is_an_error_with_those_there_are(
    read, graph, tmp_path, option
):
    content = written(graph, "graphml", tmp_path / "written")
    problem = error(read(content, **{option: ["nmae"]}))
    assert problem.code == "KP439"
    assert ("predicate" if option == "relation" else "title") in problem.fix


def test_a_pickle_is_refused_with_the_way_out_and_never_opened(read):
    with pytest.raises(ValidationError, match="write_graphml"):
        read(pickle.dumps([1]), "kb.gpickle", format="graphml")
    assert error(read(pickle.dumps([1]), "kb.graphml")).code == "KP437"


def test_options_that_cannot_be_are_refused(read):
    with pytest.raises(ValidationError, match="set 'format'"):
        read("", "kb.bin")
    with pytest.raises(ValidationError, match="edge lists"):
        read("", delimiter=",")


def test_counts_of_a_store_are_those_of_a_plain_count_of_the_elements(read, tmp_path):
    random = nx.gnm_random_graph(300, 900, seed=1, directed=True)
    nx.set_node_attributes(random, {n: f"node {n}" for n in random if n % 2}, "label")
    content = written(random, "graphml", tmp_path / "written")
    store = build_store(read(content), tmp_path / "store", "kb", Context(scratch=tmp_path))
    text = content.decode()
    assert store.counts["entities"] == len(re.findall(r"<node ", text)) == 300
    assert store.counts["triples"] == len(re.findall(r"<edge ", text)) == 900
    assert store.counts["entities_without_name"] == 150


def test_the_graph_of_a_store_comes_back_from_graphml(read, graph, tmp_path):
    first = read(written(graph, "graphml", tmp_path / "w"), **OPTIONS)
    store = build_store(first, tmp_path / "store", "kb", Context(scratch=tmp_path))
    exported = nx.MultiDiGraph()
    exported.add_nodes_from(store.to_networkx())
    exported.add_edges_from(
        (head, tail, {"relation": relation})
        for head, tail, relation in store.to_networkx().edges(keys=True)
    )
    again = read(written(exported, "graphml", tmp_path / "x"))
    assert sorted(again.triples(), key=str) == TRIPLES


GRAPHML = (
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="directed">'
    '<node id="a"/><node id="b"/>{}</graph></graphml>'
)
GEXF = (
    '<gexf xmlns="http://www.gexf.net/1.2draft" version="1.2"><graph defaultedgetype="directed">'
    '<nodes><node id="a" label="A"/><node id="b" label="B"/></nodes><edges>{}</edges>'
    "</graph></gexf>"
)
NODE_LINK = '{{"directed": true, "nodes": [{{"id": "a"}}, {{"id": "b"}}], "links": [{}]}}'
EDGE = '<edge id="e" source="a" target="b"/>'


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("kb.graphml", GRAPHML.format('<node id="a"/>'), "the node 'a' comes twice"),
        ("kb.graphml", GRAPHML.format(EDGE * 2), "the edge 'e' comes twice"),
        ("kb.graphml", GRAPHML.format('<edge source="a" target="z"/>'), "names 'z'"),
        ("kb.graphml", GRAPHML.format('<edge target="b"/>'), "has no source"),
        (
            "kb.graphml",
            GRAPHML.format('<node id="c"><graph edgedefault="directed"/></node>'),
            "a graph of its own",
        ),
        ("kb.graphml", '<?xml version="1.0" encoding="nope"?>' + GRAPHML, "unknown encoding"),
        ("kb.graphml", "", "no element found"),
        ("kb.gexf", GEXF.format(EDGE * 2), "the edge 'e' comes twice"),
        ("kb.gexf", GEXF.format('<edge id="e" source="a" target="z"/>'), "names 'z'"),
        (
            "kb.json",
            NODE_LINK.format(", ".join(['{"source": "a", "target": "b", "key": "r"}'] * 2)),
            "comes twice",
        ),
        ("kb.json", "[" * 100_000, "recursion"),
        ("kb.json", "", "Expecting value"),
        ("kb.json", '{"nodes": [], "links": [], "edges": []}', "both 'edges' and 'links'"),
    ],
)
def test_what_networkx_would_join_make_up_or_leave_out_is_an_error(read, file, content, said):
    found = error(read(content, file))
    assert found.code == "KP437"
    assert file in found.where
    assert said in found.message
    assert found.fix


def test_repeated_edges_without_an_id_stay_and_other_line_ends_read_the_same(read):
    edge = '<edge source="a" target="b"/>\r\n'
    assert len(list(read(GRAPHML.format(edge * 2)).triples())) == 2
    assert len(list(read("a b r\r\na b r\r\n", "kb.edgelist").triples())) == 2
    assert list(read("", "kb.edgelist").triples()) == []


def test_a_line_too_long_to_hold_is_an_error_with_its_place(read, monkeypatch):
    monkeypatch.setattr("kpframework.api.files._BLOCK", 10)
    monkeypatch.setattr("kpframework.api.files._LONGEST", 500)
    found = error(read("a b\n" + "x" * 600, "kb.edges"))
    assert (found.code, "a line is longer" in found.message) == ("KP438", True)
    assert found.where.endswith("kb.edges:2")
