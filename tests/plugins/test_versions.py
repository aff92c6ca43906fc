"""Versions and ranges."""
import pytest

from edgeos.plugins.versions import BadVersion, Version, fits


def test_the_order_is_that_of_semver():
    rising = ['0.9.9', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11',
              '1.0.0-rc.1', '1.0.0', '1.0.1', '1.2.0', '1.10.0', '2.0.0']
    assert [str(version) for version in sorted(map(Version.parse, reversed(rising)))] == rising


@pytest.mark.parametrize('text', ['', '1', '1.0', '1.0.0.0', 'v1.0.0', '01.0.0', '1.0.0-', '1.0.0-01', '1.0.0+build', '1.0.0\n',
                                  '١.0.0', '../1.0.0', '1.0.0-' + 'a' * 64, '1' * 20 + '.0.0'])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(BadVersion, match='expected a version like'):
        Version.parse(text)


@pytest.mark.parametrize(('wanted', 'version', 'does'), [
    ('>=1.0,<2', '1.5.0', True), ('>=1.0,<2', '2.0.0', False), ('', '0.1.0', True), ('>=3.11', '3.14.0rc1', True),
    ('>=1.1', '1.1.0-beta.1', False), ('>=1', '1.0.1-ours.1', True), ('>=1', Version(1, 2, 3), True), ('==1.*', '1.9.0', True)])
def test_a_range_takes_what_is_in_it(wanted, version, does):
    assert fits(wanted, version) is does


@pytest.mark.parametrize('wanted', ['1.0', '>>1', 'latest', '>=1;x', '>=' + '1' * 200, '>=1.0 or <2'])
def test_what_is_no_range_is_refused(wanted):
    with pytest.raises(BadVersion, match='range of versions'):
        fits(wanted, '1.0.0')
